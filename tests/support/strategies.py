"""Weightings of every kind that the step serves, as a user's own package would have them. For tests alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.weighting.base import Aggregator, Facts, Signals, State, Weighting


@dataclass
class Agreeing(Aggregator):
    """Keeps the elements of the summed gradient on whose sign all tasks agree; remembers the last update."""

    def init_state(self, facts: Facts) -> State:
        return {"last": torch.zeros(facts.elements)}

    def aggregate(self, jacobian: Tensor, signals: Signals, state: State) -> tuple[Tensor, Tensor, State]:
        agree = jacobian.sign().sum(0).abs() == len(jacobian)
        update = torch.where(agree, jacobian.sum(0), 0) + 0.5 * state["last"]
        return update, torch.ones_like(signals.losses), {"last": update}


@dataclass
class Normalised(Weighting):
    """Weighs every task by one over the length of its gradient."""

    needs = "gramian"
    gradients_at: str = "parameters"

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        assert signals.gramian is not None
        return signals.gramian.diagonal().rsqrt(), state


@dataclass
class Worsened(Weighting):
    """Weighs a task by its loss after the last update, in the first step by 1."""

    watches_update: ClassVar[bool] = True

    def init_state(self, facts: Facts) -> State:
        return {"weights": torch.ones(facts.tasks)}

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        return state["weights"], state

    def after(self, losses: Tensor, state: State) -> State:
        return {"weights": losses}


@dataclass
class Crossed(Weighting):
    """Weighs a task by its agreement, on two further batches, with all tasks."""

    needs = "gramian"
    probe = "cross_gramian"

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        assert signals.probed is not None
        return signals.probed.sum(1), state


@dataclass
class HeldOut(Weighting):
    """Weighs a task by 1 plus how its loss rises along the gradient of held-out loss."""

    probe = "validation_slopes"

    def init_state(self, facts: Facts) -> State:
        return {"weights": torch.ones(facts.tasks)}

    def standing(self, state: State) -> Tensor:
        return state["weights"]

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        weights = 1 + (0 if signals.probed is None else signals.probed) * torch.ones_like(signals.losses)
        return weights, {"weights": weights}
