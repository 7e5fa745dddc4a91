"""FairGrad: fair shares of the progress that a step makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import GramianWeighting, Signals, State
from mtlrun.weighting.fair import fair_weights


@dataclass
class FairGrad(GramianWeighting):
    """Alpha-fair allocation of the losses' decrease: G w = w^(-1/alpha) with w > 0, elementwise.

    The combined gradient has the slopes w^(-1/alpha) > 0 along the tasks, so no loss rises. alpha = 1 is the
    bargaining solution of `nash_mtl` without its bound; towards alpha = 0 it is the sum of the losses, and the
    larger alpha, the more the slowest task counts. The solution is not rescaled. Where some combination of the
    gradients is 0 (two opposed ones) there is none: weights are large but finite, and the combined gradient is
    near 0. A gradient of length 0 has weight 0.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Ban and Ji, Fair Resource Allocation in Multi-Task Learning, ICML 2024, eq. 4, algorithm 1.

    Args:
        alpha: how much fairness counts, above 0; the authors' code has 1.
        gradients_at: gradients of the shared parameters, or of the shared representation.
    """

    alpha: float = 1.0

    def faults(self) -> Iterator[Fault]:
        if self.alpha <= 0:
            yield Fault("alpha", "must be above 0", self.alpha)

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        assert signals.gramian is not None
        return fair_weights(signals.gramian, self.alpha), state
