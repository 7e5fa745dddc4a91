"""Weights by how far a task's gradient agrees with the others'."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Facts, GramianWeighting, Signals, State
from mtlrun.weighting.cosines import cosines


@dataclass
class Relatedness(GramianWeighting):
    """A task weighs as much as its gradient agrees with the others'.

    With `suite.primary`: the primary task weighs 1, and a helper max(0, c), c its gradient's cosine with the
    primary's: a helper in conflict is left out. Without: w_t = T max(0, c_t) / sum_s max(0, c_s), c_t the mean
    cosine with the other tasks; weights sum to T, and all are 1 where no task agrees with the others, hence
    always with two tasks. Cosines are moving averages over steps, corrected for their start, and 0 where a
    gradient is 0. Du et al. take each step's own cosine: momentum 0.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Du et al., Adapting Auxiliary Losses Using Gradient Similarity, arXiv:1812.02224, 2018, the weighted
    version; the form without a primary task is its extension to tasks that all count.

    Args:
        momentum: of the moving average, from 0 to below 1.
        gradients_at: what gradients are of: the shared `parameters`, or the shared `representation`.
    """

    momentum: float = 0.9

    def faults(self) -> Iterator[Fault]:
        if not 0 <= self.momentum < 1:
            yield Fault("momentum", "must be from 0 to below 1", self.momentum)

    def init_state(self, facts: Facts) -> State:
        goal = torch.zeros(facts.tasks)
        if 0 < sum(facts.goal) < facts.tasks:  # some tasks only help
            goal = torch.tensor(facts.goal)
        return {
            "sum": torch.zeros(facts.tasks),  # of cosines, the earlier ones discounted
            "count": torch.zeros(()),  # of steps, likewise
            "primary": goal,  # all 0 where there is none
        }

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        primary = state["primary"]
        tasks, helped = len(primary), primary.sum() > 0
        # Whom a task is compared with: the primary one, or all others.
        others = torch.where(helped, primary.expand(tasks, tasks), 1.0) * (
            1 - torch.eye(tasks, dtype=gramian.dtype, device=gramian.device)
        )
        met = (cosines(gramian)[0] * others).sum(1) / others.sum(1).clamp(min=1)
        total = self.momentum * state["sum"] + met
        count = self.momentum * state["count"] + 1
        agreement = (total / count).clamp(min=0)
        whole = agreement.sum()
        balanced = torch.where(whole > 0, tasks * agreement / whole.clamp(min=1e-38), 1.0)
        weights = torch.where(helped, torch.maximum(primary, agreement), balanced)
        return weights, {"sum": total, "count": count, "primary": primary}
