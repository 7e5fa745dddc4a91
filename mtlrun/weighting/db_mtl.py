"""DB-MTL: dual balancing of losses and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Aggregator, Facts, Signals, State

FLOOR = 1e-8  # keeps the logarithm of a loss of 0 finite


@dataclass
class DBMTL(Aggregator):
    """Gradients of log-losses, averaged over steps and all brought to the length of the longest, then summed.

    m_t <- b m_t + (1 - b) g_t / (L_t + 1e-8) with b = beta / k^decay at step k, counted from 1, m starting at 0;
    the update is sum_t (max_s |m_s| / |m_t|) m_t, and that factor is the weight reported. A task whose m is 0 adds
    nothing and has weight 1. A sum, not a mean. The shared gradient is what is balanced; heads keep the gradient of
    their plain losses, where the authors' have that of the log-loss. Losses below 0 count as 0.

    Gradients are of the parameters alone: in a memory of the representation's, examples of other steps would meet.

    Cost: T backward passes a step, and a memory of T gradients.
    Source: Lin et al., Dual-Balancing for Multi-Task Learning, 2023, eq. 1 to 3 and algorithm 1.

    Args:
        beta: how much of the average stays in a step, from 0 to below 1.
        decay: power of the step by which beta falls.
    """

    beta: float = 0.9
    decay: float = 0.5

    def faults(self) -> Iterator[Fault]:
        if not 0 <= self.beta < 1:
            yield Fault("beta", "must be at least 0 and below 1", self.beta)
        if self.decay < 0:
            yield Fault("decay", "must not be negative", self.decay)

    def init_state(self, facts: Facts) -> State:
        return {"mean": torch.zeros(facts.tasks, facts.elements), "step": torch.zeros(())}

    def aggregate(self, jacobian: Tensor, signals: Signals, state: State) -> tuple[Tensor, Tensor, State]:
        step = state["step"] + 1
        stays = self.beta * step**-self.decay
        rows = jacobian / (signals.losses.clamp(min=0) + FLOOR).unsqueeze(1)
        mean = stays * state["mean"] + (1 - stays) * rows
        # Relative to the largest element, so that no square leaves float32.
        largest = mean.abs().amax(1, keepdim=True)
        lengths = (mean / largest.clamp(min=1e-30)).square().sum(1).sqrt() * largest.squeeze(1)
        weights = torch.where(lengths > 0, lengths.amax() / torch.where(lengths > 0, lengths, 1.0), 1.0)
        return weights @ mean, weights, {"mean": mean, "step": step}
