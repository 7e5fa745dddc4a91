"""Gradient normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Facts, GramianWeighting, Signals, State

LEAST_WEIGHT = 1e-3  # before weights are brought back to the sum T: a step must not end below 0
LEAST_LOSS = 1e-12  # a first loss of 0 has no ratio


@dataclass
class GradNorm(GramianWeighting):
    """GradNorm: tasks that learn slowly get larger gradients.

    With n_t the norm of task t's gradient and r_t its loss over its first loss, divided by the tasks' mean of
    this ratio, w takes one step of plain gradient descent on sum_t |w_t n_t - mean_s(w_s n_s) r_t^alpha|, the
    target held fixed; then weights are kept at or above 0.001 and scaled to sum to T. Weights start at 1; a step
    uses those that the steps before it made. Gradients are of all shared parameters, where the paper takes the
    last shared layer. Each task's own parameters keep their plain gradient, where the paper multiplies it by w_t.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Chen, Badrinarayanan, Lee and Rabinovich, GradNorm: Gradient Normalization for Adaptive Loss Balancing
    in Deep Multitask Networks, ICML 2018, eq. 2 and algorithm 1.

    Args:
        alpha: how strongly tasks are held to one rate of learning; 0 makes gradients equally long.
        lr: learning rate of the weights.
        gradients_at: what gradients are of: the shared `parameters`, or the shared `representation`.
    """

    alpha: float = 1.5
    lr: float = 0.025

    def faults(self) -> Iterator[Fault]:
        for key in ("alpha", "lr"):
            if getattr(self, key) < 0:
                yield Fault(key, "must not be negative", getattr(self, key))

    def init_state(self, facts: Facts) -> State:
        return {
            "weights": torch.ones(facts.tasks),
            "first": torch.zeros(facts.tasks),  # losses of the first step
            "begun": torch.zeros(()),
        }

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        assert signals.gramian is not None
        weights, norms = state["weights"], signals.gramian.diagonal().sqrt()
        first = torch.where(state["begun"] > 0, state["first"], signals.losses)
        ratio = signals.losses / first.clamp(min=LEAST_LOSS)
        rate = ratio / ratio.mean().clamp(min=LEAST_LOSS)
        lengths = weights * norms
        slope = norms * torch.sign(lengths - lengths.mean() * rate**self.alpha)
        moved = (weights - self.lr * slope).clamp(min=LEAST_WEIGHT)
        following = len(moved) * moved / moved.sum()
        return weights, {"weights": following, "first": first, "begun": torch.ones_like(state["begun"])}
