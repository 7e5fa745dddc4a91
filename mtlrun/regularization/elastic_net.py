"""Elastic net."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.regularization.base import ElementwisePenalty


@dataclass
class ElasticNet(ElementwisePenalty):
    """coefficient * sum (l1_ratio |w| + (1 - l1_ratio) / 2 w^2) over the chosen weights.

    Cost: a pass over the weights a step.
    Source: Zou and Hastie, Regularization and variable selection via the elastic net, JRSS B 67, 2005.

    Args:
        l1_ratio: share of the L1 part, from 0 to 1.
    """

    l1_ratio: float = 0.5

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not 0 <= self.l1_ratio <= 1:
            yield Fault("l1_ratio", "must be from 0 to 1", self.l1_ratio)

    def elementwise(self, weight: Tensor) -> Tensor:
        return self.l1_ratio * weight.abs() + (1 - self.l1_ratio) / 2 * weight.square()
