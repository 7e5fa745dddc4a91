"""L2 penalty."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mtlrun.regularization.base import ElementwisePenalty


@dataclass
class L2(ElementwisePenalty):
    """coefficient * sum w^2 over the chosen weights, as part of the objective.

    Under Adam this differs from AdamW's decoupled weight decay, which `optimizer=adamw` has.

    Cost: a pass over the weights a step.
    Source: Hoerl and Kennard, Ridge Regression, Technometrics 12, 1970.
    """

    coefficient: float = 1e-3

    def elementwise(self, weight: Tensor) -> Tensor:
        return weight.square()
