"""Fixed task weights, and grids of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.config import ADDED
from mtlrun.errors import ConfigError, Fault
from mtlrun.weighting.base import Signals, State, Weighting

MOST = 1000
"""Points of a grid; each is a cell of the study."""


@dataclass
class Static(Weighting):
    """Fixed weights, one per task in the order of `suite.tasks`: linear scalarisation.

    The weights are used as given, w_t * loss_t; weights (1, 1) are `equal`. A grid stands for a cell at each point
    of the simplex lattice, its weights scaled to the sum T that `equal` has too: with two tasks and `grid=11` from
    (0, 2) over (1, 1) to (2, 0) in steps of 0.2; with more tasks as many points on each edge.

    Cost: one backward pass a step.

    Args:
        weights: one number per task, none negative and not all 0; one number means the same for every
            task.
        grid: points from one task alone to another alone, at least 2, in place of `weights`; at most 1,000 points
            in all.
    """

    any_leading_axes: ClassVar[bool] = True

    weights: float | list[float] = 1.0
    grid: int | None = field(default=None, kw_only=True, metadata=ADDED)

    def faults(self) -> Iterator[Fault]:
        given = self.weights if isinstance(self.weights, list) else [self.weights]
        if not given or min(given) < 0 or max(given) == 0:
            yield Fault("weights", "must not be negative, nor all 0", self.weights)
        if self.grid is not None and self.grid < 2:
            yield Fault("grid", "must be at least 2 points", self.grid)
        if self.grid is not None and self.weights != 1.0:
            yield Fault("weights", "cannot be set together with `weighting.grid`", self.weights)

    def variants(self, tasks: int) -> Sequence[Static]:
        if self.grid is None:
            return [self]
        count = _points(self.grid, tasks)
        if count > MOST:
            most = next(n for n in itertools.count(1) if _points(n + 1, tasks) > MOST)
            rule = f"must be at most {most} with {tasks} tasks, for no more than {MOST:,} cells"
            raise ConfigError([Fault("grid", rule, self.grid)])
        return [replace(self, weights=point, grid=None) for point in _lattice(self.grid, tasks)]

    def constant(self, tasks: int) -> tuple[float, ...]:
        return tuple(self.weights) if isinstance(self.weights, list) else (self.weights,) * tasks

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        weights = torch.as_tensor(self.weights)
        each = weights if weights.dim() == signals.losses.dim() else weights.unsqueeze(-1)
        return each.expand_as(signals.losses), state


def _points(grid: int, tasks: int) -> int:
    return math.comb(grid + tasks - 2, tasks - 1)


def _lattice(grid: int, tasks: int) -> Iterator[list[float]]:
    """Yield the points (T,) of the simplex lattice with so many points on each edge, scaled to the sum T.

    Weight t is T k_t / (grid - 1) with whole numbers k that sum to grid - 1. These are the lengths between T - 1
    bars among grid + T - 2 places.
    """
    places = grid + tasks - 2
    for bars in itertools.combinations(range(places), tasks - 1):
        lengths = (b - a - 1 for a, b in itertools.pairwise((-1, *bars, places)))
        yield [tasks * k / (grid - 1) for k in lengths]
