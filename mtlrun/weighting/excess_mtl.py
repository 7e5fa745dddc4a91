"""ExcessMTL: weights by estimated excess risks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Aggregator, Averaging, Facts, Signals, State


@dataclass
class ExcessMTL(Averaging, Aggregator):
    """Tasks far from their own optimum weigh more; irreducible noise in a task's labels does not count.

    E_t = g_t' diag(sum of g_t^2 over steps)^(-1/2) g_t estimates the excess risk; relative to its mean over the
    first steps it is r_t, and w_t <- w_t exp(eta r_t), normalised to sum 1. The weights are 1/T in the first
    `warmup` steps, over which that mean is taken. The authors' code does the same with `warmup` 1, with weights that
    sum to T, as under `reduction=sum`, and with 1e-7 under the root. Each task's own parameters keep their plain
    gradient, where that code multiplies it by w_t. The memory of squares is as large as T times the shared
    parameters. r_t is at most 1e6, so that a task whose gradients begin at 0 stays finite.

    Gradients are of the parameters alone: in a memory of the representation's, examples of other steps would meet.

    Cost: T backward passes a step, and a memory of T gradients.
    Source: He et al., Robust Multi-Task Learning with Excess Risks, ICML 2024, eq. 6, 7 and 9; scale: section 3.2.

    Args:
        eta: step size of the weights.
        warmup: first steps in which weights stay equal, at least 1; the paper takes three epochs.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    eta: float = 1.0
    warmup: int = 1

    def faults(self) -> Iterator[Fault]:
        if self.eta <= 0:
            yield Fault("eta", "must be above 0", self.eta)
        if self.warmup < 1:
            yield Fault("warmup", "must be at least 1", self.warmup)

    def init_state(self, facts: Facts) -> State:
        return {
            "squares": torch.zeros(facts.tasks, facts.elements),
            "first": torch.zeros(facts.tasks),  # sum of the estimates of the first steps
            "logs": torch.zeros(facts.tasks),  # of the weights
            "step": torch.zeros(()),
        }

    def aggregate(self, jacobian: Tensor, signals: Signals, state: State) -> tuple[Tensor, Tensor, State]:
        new, step = jacobian.square(), state["step"] + 1
        squares = state["squares"] + new
        # An element whose gradient was always 0 adds nothing.
        risk = torch.where(squares > 0, new / torch.where(squares > 0, squares, 1.0).sqrt(), 0.0).sum(1)
        warm = step <= self.warmup
        first = state["first"] + torch.where(warm, risk, 0.0)
        relative = (risk / (first / self.warmup).clamp(min=torch.finfo(risk.dtype).tiny)).clamp(max=1e6)
        logs = torch.log_softmax(state["logs"] + torch.where(warm, 0.0, self.eta * relative), 0)
        weights = logs.exp()
        return weights @ jacobian, weights, {"squares": squares, "first": first, "logs": logs, "step": step}
