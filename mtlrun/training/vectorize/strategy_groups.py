"""The strategies of lanes that stand side by side in a cohort, lifted from one run to all of these lanes.

Lanes of several strategies share the forward and backward passes of a step; only what is here is done for each
strategy apart. Shape letters: R lanes of these rules, T trained tasks, P elements of the shared gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from mtlrun.config import build
from mtlrun.planning.cohorts import blank
from mtlrun.planning.run_spec import CellSpec
from mtlrun.planning.runs import canonical_json
from mtlrun.regularization.base import Regularization
from mtlrun.sharing.base import Sharing
from mtlrun.training.objective.gradients import Tensors
from mtlrun.training.vectorize.vmap import lift
from mtlrun.weighting.base import State, Weighting
from mtlrun.weighting.one_run import after, aggregate, standing, weigh, with_fields


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
        one_weigh, one_after = partial(weigh, weighting), partial(after, weighting)
        self.weigh = one_weigh if stacks else lift(one_weigh, count, apart)
        self.weighting_penalty = weighting.penalty if stacks else lift(weighting.penalty, count)
        self.aggregate = lift(partial(aggregate, weighting), count, apart)
        self.after = one_after if stacks else lift(one_after, count, apart)
        self.standing = lift(partial(standing, weighting), count, apart)
        self.penalty = lift(self.one_penalty, count)
        self.difference = lift(self.one_difference, count)

    def part(self, values: Tensor) -> Tensor:
        """Return what belongs to these lanes of a tensor over all lanes."""
        return values if self.lanes is None else values[self.lanes]

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


def side_by_side(cells: Sequence[CellSpec]) -> list[slice]:
    """Return which lanes, of these cells, side by side have the same strategies, up to numbers."""
    names = [canonical_json([blank(c.plain["weighting"]), blank(c.plain["regularization"])]) for c in cells]
    counts = [len(list(run)) for _, run in itertools.groupby(names)]
    ends = list(itertools.accumulate(counts))
    return [slice(end - count, end) for count, end in zip(counts, ends, strict=True)]
