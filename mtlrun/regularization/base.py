"""What a regularisation is: what is added to one run's training so that it fits less of what does not carry over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtlrun.config import Configured
from mtlrun.errors import Fault

Owners = Mapping[str, int | None]
"""For each parameter the task that alone uses it, or None where tasks share it."""

On = Literal["all", "shared", "private"]
"""Which parameters a penalty addresses: all, those that tasks share, or those that one task alone uses."""


@dataclass
class Regularization(Configured):
    """A change of one run's training; evaluations never see it.

    What a method does it declares, and implements: a penalty on parameters, masks behind the layers of encoders,
    other losses, or a penalty on features. Penalties are not weighted by any task weighting and take no part in
    gradient surgery. All but `mask` is vectorised by the engine as a weighting is: no branch on values, and
    fields annotated float arrive as tensors.

    Attributes:
        active: whether there is a `penalty`.
        masks: whether `mask` acts in the network.
        shapes_losses: whether `loss` acts on the tasks' losses.
        compares: whether there is a `difference` of shared and own features; the sharing scheme must have both
            (`mtlrun.sharing.base.Body.divides`), but for a task alone, where nothing is compared.
    """

    active: ClassVar[bool] = True
    masks: ClassVar[bool] = False
    shapes_losses: ClassVar[bool] = False
    compares: ClassVar[bool] = False

    def penalty(self, parameters: Mapping[str, Tensor], owners: Owners) -> Tensor:
        """Return the scalar penalty of one run."""
        return torch.zeros(())

    def mask(self, draw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what multiplies a layer's outputs in a training step of one run.

        Args:
            draw: numbers uniform in [0, 1), of the run's own streams, one per element; any shape.
        """
        return np.ones_like(draw)

    def loss(self, kind: str, loss: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return a task's training loss in one run, a scalar, in place of its plain one.

        Args:
            kind: of the task, as `multiclass`.
            loss: the plain loss, a mean over examples (`mtlrun.training.objective.losses`).
            outputs: (B, outputs).
            targets: (B,) class numbers, else (B, outputs).
        """
        return loss

    def difference(self, shared: Sequence[Tensor], own: Sequence[Tensor]) -> Tensor:
        """Return the scalar penalty of one run on features of the trained tasks, each (B, F) or of any other F.

        Args:
            shared: for each task what of its features it shares with others.
            own: for each task its own ones, of the same examples.
        """
        return torch.zeros(())


@dataclass
class ElementwisePenalty(Regularization, ABC):
    """A penalty summed over the weights (not the biases) of chosen parameters.

    Args:
        coefficient: factor of the sum.
        on: which parameters are penalised: `all`, `shared` between tasks, or `private` to one.
    """

    coefficient: float = 1e-4
    on: On = "all"

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
