"""Geometric loss strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from mtlrun.weighting.base import Averaging, Signals, State

LEAST_LOSS = 1e-12  # a loss of 0 would take the geometric mean of all to 0, with an unbounded slope


@dataclass
class GLS(Averaging):
    """Geometric loss strategy: the geometric mean of the losses is trained, blind to the scale of each.

    The objective is M = (prod_t L_t)^(1/T), whose gradient has w_t = M / (T L_t): T w_t L_t is the same for
    every task. Weights have no constant sum; for equal losses each is 1/T. Losses count as at least 1e-12.

    Cost: one backward pass a step.
    Source: Chennupati, Sistu, Yogamani and Rawashdeh, MultiNet++: Multi-Stream Feature Aggregation and Geometric
    Loss Strategy for Multi-Task Learning, CVPR Workshops 2019, section on the geometric loss strategy.

    Args:
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    any_leading_axes: ClassVar[bool] = True

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        logs = signals.losses.clamp(min=LEAST_LOSS).log()
        # In logarithms, since a product of many losses leaves what float32 can hold.
        return (logs.mean(-1, keepdim=True) - logs).exp() / logs.shape[-1], state
