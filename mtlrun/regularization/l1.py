"""L1 penalty."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mtlrun.regularization.base import ElementwisePenalty


@dataclass
class L1(ElementwisePenalty):
    """coefficient * sum |w| over the chosen weights: small weights go to 0, so tasks use fewer shared units.

    Cost: a pass over the weights a step.
    Source: Tibshirani, Regression Shrinkage and Selection via the Lasso, JRSS B 58, 1996.
    """

    def elementwise(self, weight: Tensor) -> Tensor:
        return weight.abs()
