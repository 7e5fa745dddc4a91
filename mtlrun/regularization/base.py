"""What a regularisation is: a penalty on one run's parameters, added to its objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from mtlrun.config import Configured
from mtlrun.errors import Fault

Owners = Mapping[str, int | None]
"""For each parameter the task that alone uses it, or None where tasks share it."""


@dataclass
class Regularization(Configured, ABC):
    """A penalty. It is not weighted by any task weighting and takes no part in gradient surgery."""

    active: ClassVar[bool] = True

    @abstractmethod
    def penalty(self, parameters: Mapping[str, Tensor], owners: Owners) -> Tensor:
        """Return the scalar penalty of one run."""


@dataclass
class ElementwisePenalty(Regularization):
    """A penalty summed over the weights (not the biases) of chosen parameters.

    Args:
        coefficient: factor of the sum.
        on: which parameters are penalised: `all`, `shared` between tasks, or `private` to one.
    """

    coefficient: float = 1e-4
    on: Literal["all", "shared", "private"] = "all"

    def faults(self) -> Iterator[Fault]:
        if self.coefficient < 0:
            yield Fault("coefficient", "must not be negative", self.coefficient)

    @abstractmethod
    def elementwise(self, weight: Tensor) -> Tensor:
        """Return the penalty of each element."""

    def penalty(self, parameters: Mapping[str, Tensor], owners: Owners) -> Tensor:
        wanted = {"all": (True, False), "shared": (True,), "private": (False,)}[self.on]
        terms = [
            self.elementwise(p).sum()
            for n, p in parameters.items()
            if p.dim() > 1 and (owners[n] is None) in wanted
        ]
        return self.coefficient * torch.stack(terms).sum() if terms else torch.zeros(())
