"""Auto-lambda: task weights trained on held-out loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.adam import adam_start, adam_step
from mtlrun.weighting.base import Facts, Probe, Signals, State, Weighting


@dataclass
class AutoLambda(Weighting):
    """Auto-lambda: a task gains weight while training on it lowers held-out loss, of `suite.primary` if set.

    After a look-ahead step theta' = theta - eta sum_t w_t grad L_t, the held-out loss changes with w_t by
    -eta g_t'v, v its gradient at theta', g_t that of task t's loss; g_t'v comes from a finite difference. Adam
    moves w against this before the step is taken; it does not see the factor eta, which is left out. The look-ahead
    step is one of plain gradient descent, whatever the optimizer: the authors' code adds the momentum and the weight
    decay of SGD to it. Weights
    are kept at 0 or above, where the authors' code bounds nothing, and have no constant sum. The held-out examples
    are a further batch of training examples, as there. Where nothing is shared every task weighs 1.

    Cost: three backward and five forward passes a step.
    Source: Liu, James, Davison and Johns, Auto-Lambda: Disentangling Dynamic Task Relationships, TMLR 2022,
    eq. 6; Adam and the defaults as in the authors' code.

    Args:
        lr: learning rate of the weights.
        start: every weight before the first step.
    """

    probe: ClassVar[Probe] = "validation_slopes"

    lr: float = 1e-4
    start: float = 0.1

    def faults(self) -> Iterator[Fault]:
        if self.lr < 0:
            yield Fault("lr", "must not be negative", self.lr)
        if self.start <= 0:
            yield Fault("start", "must be above 0", self.start)

    def init_state(self, facts: Facts) -> State:
        return {"weights": torch.full((facts.tasks,), self.start), **adam_start(facts.tasks)}

    def standing(self, state: State) -> Tensor:
        return state["weights"]

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        if signals.probed is None:
            return torch.ones_like(signals.losses), state
        direction, memory = adam_step(-signals.probed, state)
        weights = (state["weights"] - self.lr * direction).clamp(min=0)
        return weights, {"weights": weights, **memory}
