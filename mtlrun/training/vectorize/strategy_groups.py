"""The strategies of lanes that stand side by side in a cohort, lifted from one run to all of these lanes.

Lanes of several strategies share the forward and backward passes of a step; only what is here is done for each
strategy apart. Shape letters: R lanes of these rules, T trained tasks, P elements of the shared gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mtlrun.config import build
from mtlrun.planning.cohorts import blank
from mtlrun.planning.runs import canonical_json
from mtlrun.regularization.base import Regularization
from mtlrun.sharing.base import Sharing
from mtlrun.training.objective.gradients import Tensors
from mtlrun.training.vectorize.vmap import lift, with_fields
from mtlrun.weighting.base import Aggregator, Signals, State, Weighting


def kind(config: Mapping[str, Any]) -> list[Any]:
    """Return what the strategies of one cohort must agree in: what they need of a step.

    A regularisation that acts in the forward pass shares it with its like alone, up to numbers.
    """
    weighting: Weighting = build(config["weighting"])
    regularization: Regularization = build(config["regularization"])
    inside = regularization.masks or regularization.shapes_losses or regularization.compares
    needs = [weighting.needs, weighting.gradients_at, weighting.probe, weighting.watches_update]
    return [*needs, blank(config["regularization"]) if inside else None]


class Own(NamedTuple):
    """What these lanes have of their strategies, stacked: every tensor is (R, ...).

    Attributes:
        learned: parameters of the weighting.
        state: what the weighting remembers.
        weighting_fields: numbers of the weighting.
        regularization_fields: numbers of the regularisation.
    """

    learned: Tensors
    state: State
    weighting_fields: Tensors
    regularization_fields: Tensors


class Rules:
    """A weighting and a regularisation over some lanes of a cohort.

    Args:
        weighting: gives the program; numbers come from `Own.weighting_fields`.
        regularization: likewise.
        sharing: may have a penalty too; the same for all lanes.
        owners: for each parameter the task that alone uses it, or None.
        lanes: which lanes; None for all of the cohort.
        count: how many they are; one lane runs without vmap.
        divides: whether the network tells shared features from the tasks' own.

    Attributes:
        count: how many lanes they are.
        charges: whether the sharing scheme adds to the objective what depends on the examples.
        compares: whether the regularisation has features to compare.
    """

    def __init__(
        self,
        weighting: Weighting,
        regularization: Regularization,
        sharing: Sharing,
        owners: Mapping[str, int | None],
        lanes: slice | None,
        count: int,
        divides: bool = False,
    ) -> None:
        self.weighting, self.regularization, self.lanes = weighting, regularization, lanes
        self._sharing, self._owners = sharing, owners
        self.penalises = regularization.active or sharing.penalises
        self.charges = sharing.charges
        self.compares = regularization.compares and divides
        self.count = count
        stacks, apart = weighting.any_leading_axes, weighting.one_by_one
        self.weigh = self.one_weigh if stacks else lift(self.one_weigh, count, apart)
        self.weighting_penalty = weighting.penalty if stacks else lift(weighting.penalty, count)
        self.aggregate = lift(self.one_aggregate, count, apart)
        self.after = self.one_after if stacks else lift(self.one_after, count, apart)
        self.standing = lift(self.one_standing, count, apart)
        self.penalty = lift(self.one_penalty, count)
        self.difference = lift(self.one_difference, count)

    def part(self, values: Tensor) -> Tensor:
        """Return what belongs to these lanes of a tensor over all lanes."""
        return values if self.lanes is None else values[self.lanes]

    def one_weigh(self, fields: Tensors, signals: Signals, state: State) -> tuple[Tensor, State]:
        """Return one run's task weights, (T,), and the weighting's next state."""
        weighting: Weighting = with_fields(self.weighting, fields)
        weights, state = weighting.weigh(signals, state)
        return weighting.reduced(weights, weights.shape[-1]), state

    def one_aggregate(
        self, fields: Tensors, jacobian: Tensor, signals: Signals, state: State
    ) -> tuple[Tensor, Tensor, State]:
        """Return one run's shared gradient (P,), the task weights that stand for it (T,), and the next state."""
        aggregator: Aggregator = with_fields(self.weighting, fields)
        update, weights, state = aggregator.aggregate(jacobian, signals, state)
        tasks = len(weights)
        return aggregator.reduced(update, tasks), aggregator.reduced(weights, tasks), state

    def one_after(self, fields: Tensors, losses: Tensor, state: State) -> State:
        """Return the weighting's next state from the losses (T,) that the update left on its batch."""
        return with_fields(self.weighting, fields).after(losses, state)

    def one_standing(self, fields: Tensors, state: State) -> Tensor:
        """Return one run's task weights (T,) before the step."""
        weighting: Weighting = with_fields(self.weighting, fields)
        weights = weighting.standing(state)
        return weighting.reduced(weights, len(weights))

    def loss(self, kind: str, fields: Tensors, loss: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the training losses (R,) of a task of some kind, as `Regularization.loss` does for one run."""

        def one_loss(fields: Tensors, *seen: Tensor) -> Tensor:
            return with_fields(self.regularization, fields).loss(kind, *seen)

        return lift(one_loss, self.count)(fields, loss, outputs, targets)

    def one_difference(self, fields: Tensors, shared: list[Tensor], own: list[Tensor]) -> Tensor:
        """Return one run's penalty on features, a scalar."""
        return with_fields(self.regularization, fields).difference(shared, own)

    def one_penalty(self, fields: Tensors, parameters: Tensors) -> Tensor:
        """Return one run's penalty, of the regularisation and of the sharing scheme, a scalar."""
        penalty = with_fields(self.regularization, fields).penalty(parameters, self._owners)
        if self._sharing.penalises:
            penalty = penalty + self._sharing.penalty(parameters, self._owners)
        return penalty


def side_by_side(configs: Sequence[Mapping[str, Any]]) -> list[slice]:
    """Return which lanes side by side have the same strategies, up to numbers."""
    names = [canonical_json([blank(c["weighting"]), blank(c["regularization"])]) for c in configs]
    counts = [len(list(run)) for _, run in itertools.groupby(names)]
    ends = list(itertools.accumulate(counts))
    return [slice(end - count, end) for count, end in zip(counts, ends, strict=True)]


def lane_fields(strategy: Any, tasks: Sequence[int]) -> Tensors:
    """Return the numbers of a strategy that may differ between lanes; lists are per task, of the trained ones."""
    found: Tensors = {}
    for field in fields(strategy):
        value = getattr(strategy, field.name)
        if isinstance(value, float):
            found[field.name] = torch.tensor(value, dtype=torch.float64)
        elif isinstance(value, list) and value and all(isinstance(v, float) for v in value):
            found[field.name] = torch.tensor([value[t] for t in tasks], dtype=torch.float64)
    return found
