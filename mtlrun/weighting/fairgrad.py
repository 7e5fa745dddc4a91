"""FairGrad: fair shares of the progress that a step makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import GramianWeighting, Signals, State
from mtlrun.weighting.fair import bounded, fair_weights


@dataclass
class FairGrad(GramianWeighting):
    """Alpha-fair allocation of the losses' decrease: G w = w^(-1/alpha) with w > 0, elementwise.

    The combined gradient has the slopes w^(-1/alpha) > 0 along the tasks, so no loss rises. The larger alpha, the
    more the slowest task counts: alpha near 0 weighs all alike, and alpha = 1 is the bargaining solution of
    `nash_mtl`. As in the authors' code the weights are T w, the combined gradient is shortened to `max_norm`, and
    each task's own parameters keep their plain gradient. Without the bound, gradients n times as long give an update
    n^((1 - alpha) / (1 + alpha)) times as long: for alpha > 1 it grows without limit as gradients vanish.

    Where some combination of the gradients is 0 (two opposed ones) there is no solution: weights are large but
    finite, and the combined gradient is near 0. A gradient of length 0 has weight 0.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Ban and Ji, Fair Resource Allocation in Multi-Task Learning, ICML 2024, eq. 4, algorithm 1.

    Args:
        alpha: how much fairness counts, above 0; 2 in the scripts of all the authors' benchmarks.
        max_norm: longest combined gradient; 0 for no bound.
        gradients_at: gradients of the shared parameters, or of the shared representation.
    """

    alpha: float = 2.0
    max_norm: float = 1.0

    def faults(self) -> Iterator[Fault]:
        if self.alpha <= 0:
            yield Fault("alpha", "must be above 0", self.alpha)
        if self.max_norm < 0:
            yield Fault("max_norm", "must be 0 (no bound) or more", self.max_norm)

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        weights = len(gramian) * fair_weights(gramian, self.alpha)
        return bounded(weights, gramian, self.max_norm), state
