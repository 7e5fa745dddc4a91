"""MoCo: multi-objective descent along tracked gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Aggregator, Averaging, Facts, Signals, State
from mtlrun.weighting.simplex import nearest_on_simplex


@dataclass
class MoCo(Averaging, Aggregator):
    """A min-norm combination of moving averages of the gradients, whose weights take one step each step.

    y <- y - (beta / k^decay) (y - g); w <- proj(w - (gamma / k^decay) (Y'Y + rho I) w), onto the simplex; the
    update is sum_t w_t y_t. Step k counts from 1, y starts at 0, w at 1/T. Weights sum to 1. The new y serve in
    the same step, as in LibMTL; weights are projected, as in the paper, where LibMTL takes a softmax. With
    `normalize`, g_t is the unit gradient times the task's loss, as in LibMTL. Each task's own parameters keep their
    plain gradient, as there.

    Gradients are of the parameters alone: in a memory of the representation's, examples of other steps would meet.

    Cost: T backward passes a step, and a memory of T gradients.
    Source: Fernando et al., Mitigating Gradient Bias in Multi-objective Learning, ICLR 2023, algorithm 1.

    Args:
        beta: step size of the tracked gradients, at most 1.
        gamma: step size of the weights.
        rho: regularisation of the weights towards equal ones.
        decay: power of the step by which both step sizes fall.
        normalize: whether gradients are scaled to the length of their task's loss.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    beta: float = 0.5
    gamma: float = 0.1
    rho: float = 0.0
    decay: float = 0.5
    normalize: bool = False

    def faults(self) -> Iterator[Fault]:
        if not 0 < self.beta <= 1:
            yield Fault("beta", "must be above 0 and at most 1", self.beta)
        for key in ("gamma", "rho", "decay"):
            if getattr(self, key) < 0:
                yield Fault(key, "must not be negative", getattr(self, key))

    def init_state(self, facts: Facts) -> State:
        return {
            "tracked": torch.zeros(facts.tasks, facts.elements),
            "weights": torch.full((facts.tasks,), 1 / facts.tasks),
            "step": torch.zeros(()),
        }

    def aggregate(self, jacobian: Tensor, signals: Signals, state: State) -> tuple[Tensor, Tensor, State]:
        step = state["step"] + 1
        fall = step**-self.decay
        if self.normalize:
            # Relative to the largest element, so that no square leaves float32.
            scaled = jacobian / jacobian.abs().amax(1, keepdim=True).clamp(min=1e-30)
            norms = scaled.square().sum(1, keepdim=True).sqrt().clamp(min=1e-30)
            jacobian = scaled / norms * signals.losses.unsqueeze(1)
        tracked = state["tracked"] - self.beta * fall * (state["tracked"] - jacobian)
        slope = tracked @ (state["weights"] @ tracked) + self.rho * state["weights"]
        weights = nearest_on_simplex(state["weights"] - self.gamma * fall * slope)
        return weights @ tracked, weights, {"tracked": tracked, "weights": weights, "step": step}
