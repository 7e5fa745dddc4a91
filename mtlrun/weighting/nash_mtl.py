"""Nash-MTL: the update that the tasks would agree on in a bargaining game."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Facts, GramianWeighting, Signals, State
from mtlrun.weighting.fair import bounded, fair_weights


@dataclass
class NashMTL(GramianWeighting):
    """The bargaining solution: the direction with the largest product of the tasks' gains.

    G w = 1 / w with w > 0, elementwise; for two tasks w_i = 1 / (n_i sqrt(1 + cos)). The combined gradient then
    has length sqrt(T) whatever the gradients' lengths, and is shortened to `max_norm`. No loss rises along it.
    Solved by Newton's method to rounding, where the authors' code takes some steps of a convex-concave procedure.
    Where that code gives other weights, it has stopped before G w = 1 / w held (1 of 60 random Gramians).
    That code divides G by its norm, but its constraint multiplies by it again, so that its update has this length
    too. Each task's own parameters keep their plain gradient; there, they are weighed by w, without the bound.
    Where some combination of the gradients is 0 (two opposed ones) there is no solution: weights are large but
    finite, and the combined gradient is near 0. A gradient of length 0 has weight 0.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Navon et al., Multi-Task Learning as a Bargaining Game, ICML 2022, eq. 3 (claim 3.1), algorithm 1.

    Args:
        max_norm: longest combined gradient; 0 for no bound.
        update_every: after how many steps the weights are found anew; in between they stay, but for the bound.
        gradients_at: gradients of the shared parameters, or of the shared representation.
    """

    max_norm: float = 1.0
    update_every: int = 1

    def faults(self) -> Iterator[Fault]:
        if self.max_norm < 0:
            yield Fault("max_norm", "must be 0 (no bound) or more", self.max_norm)
        if self.update_every < 1:
            yield Fault("update_every", "must be 1 or more", self.update_every)

    def init_state(self, facts: Facts) -> State:
        if self.update_every == 1:
            return {}
        return {"weights": torch.zeros(facts.tasks), "step": torch.zeros(())}

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        weights = fair_weights(gramian, 1.0)
        if self.update_every > 1:
            weights = torch.where(state["step"] == 0, weights, state["weights"])
            state = {"weights": weights, "step": (state["step"] + 1) % self.update_every}
        return bounded(weights, gramian, self.max_norm), state
