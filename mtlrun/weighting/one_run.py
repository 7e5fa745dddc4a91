"""A weighting as one run calls it: its numbers as tensors, its results at the scale of `reduction`.

The engine lifts these functions to all lanes of a cohort; `Balancer` calls them as they are. Shape letters: T tasks,
P shared elements.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from mtlrun.weighting.base import Aggregator, Signals, State, Weighting

Numbers = Mapping[str, Tensor]
"""Fields of a strategy by name: scalars, or one number for each task (T,)."""


def lane_fields(strategy: Any, tasks: Sequence[int]) -> State:
    """Return the numbers of a strategy that may differ between lanes; lists are per task, of the trained ones."""
    found: State = {}
    for field in fields(strategy):
        value = getattr(strategy, field.name)
        if isinstance(value, float):
            found[field.name] = torch.tensor(value, dtype=torch.float64)
        elif isinstance(value, list) and value and all(isinstance(v, float) for v in value):
            found[field.name] = torch.tensor([value[t] for t in tasks], dtype=torch.float64)
    return found


def with_fields(template: Any, numbers: Numbers) -> Any:
    """Return a copy of a strategy whose numbers are one run's tensors."""
    if not numbers:
        return template
    method = copy.copy(template)
    vars(method).update(numbers)
    return method


def weigh(template: Weighting, numbers: Numbers, signals: Signals, state: State) -> tuple[Tensor, State]:
    """Return one run's task weights, (T,), and the weighting's next state."""
    weighting: Weighting = with_fields(template, numbers)
    weights, state = weighting.weigh(signals, state)
    return weighting.reduced(weights, weights.shape[-1]), state


def aggregate(
    template: Weighting, numbers: Numbers, jacobian: Tensor, signals: Signals, state: State
) -> tuple[Tensor, Tensor, State]:
    """Return one run's shared gradient (P,), the task weights that stand for it (T,), and the next state."""
    aggregator: Aggregator = with_fields(template, numbers)
    update, weights, state = aggregator.aggregate(jacobian, signals, state)
    tasks = len(weights)
    return aggregator.reduced(update, tasks), aggregator.reduced(weights, tasks), state


def after(template: Weighting, numbers: Numbers, losses: Tensor, state: State) -> State:
    """Return the weighting's next state from the losses (T,) that the update left on its batch."""
    return with_fields(template, numbers).after(losses, state)


def standing(template: Weighting, numbers: Numbers, state: State) -> Tensor:
    """Return one run's task weights (T,) before the step."""
    weighting: Weighting = with_fields(template, numbers)
    weights = weighting.standing(state)
    return weighting.reduced(weights, len(weights))
