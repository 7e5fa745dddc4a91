"""Whether a setting lies behind, on or beyond the front of a grid of settings.

The front is the points of the grid that no other point beats on every task (Pareto). A setting is dominated
where some point is better on every task. It is beyond the front where no point is as good on all tasks, and
it is itself better on every task than a point of the front. A setting that only trades one task for another,
as points of the front do, is neither. Points are compared, never mixes of them: a mix of two networks is no
network that anyone trained.

The best of many looks better than it is. So the point, the task and the variant by which a seed judges are
chosen by the validation values of the other seeds; its own test values judge.

Shape letters: S seeds, G points of a grid, T tasks, V variants of a setting, B resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlrun.statistics.paired_tests.student import Array

Bounds = Callable[[Array, Sequence[Sequence[Array]], float], tuple[Array, Array]]
"""Of columns of leads (S, K), their layouts by test case (as of `mtlrun.statistics.evidence.Differences`) and a level
to the bounds (K,), (K,) of their intervals."""

CaseValues = Sequence[Array | None]
"""By task, values by test case (S, G, M); None where they are not known."""

DOMINATED, ON, BEYOND, UNDECIDED = "dominated", "on the front", "beyond it", "undecided"
TOLERANCE = 1e-4
"""Leads up to this size, in percent, are round-off."""


class Position(NamedTuple):
    """Where a setting lies. A lead is what it gains over points of the front, in percent; positive is better.

    Attributes:
        lead: behind the front, minus what the point that beats it most gains on every task at least; beyond
            it, what it gains itself on every task at least over the point that it beats most; else 0.
        low, high: bounds of the lead.
        dominated, on, beyond: shares of resamples in which the lead is below 0, closer to 0 than the margin, and
            above 0.
        word: `dominated` where high is below 0; `beyond it` where low is above 0; `on the front` where both
            are less than the margin from 0; else `undecided`.
    """

    lead: float
    low: float
    high: float
    dominated: float
    on: float
    beyond: float
    word: str

    @property
    def confidence(self) -> float:
        """Share of resamples that say what the word says; NaN of `undecided`."""
        return {DOMINATED: self.dominated, ON: self.on, BEYOND: self.beyond}.get(self.word, np.nan)


NOWHERE = Position(np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, UNDECIDED)


class _Leads(NamedTuple):
    """Leads of a setting on test; rows are seeds.

    Attributes:
        behind: (S, T) over the point that beats it most.
        reach: (S, G) over each point, on the task on which the setting is best against it.
        ahead: (S, T) over the point of the front that it beats most.
        layouts: the same by test case: for each of the three, a list for each of its columns.
    """

    behind: Array
    reach: Array
    ahead: Array
    layouts: tuple[list[list[Array]], list[list[Array]], list[list[Array]]]

    @property
    def columns(self) -> tuple[Array, Array, Array]:
        """The three kinds of leads."""
        return self.behind, self.reach, self.ahead


def position(
    front_val: Array,
    own_val: Array,
    front: Array,
    own: Array,
    bounds: Bounds,
    weights: Array,
    margin: float,
    alpha: float = 0.05,
    front_cases: CaseValues = (),
    own_cases: CaseValues = (),
) -> Position:
    """Return where a setting lies against a front; of several variants of it the one that validation chooses.

    `dominated` asks for a lower bound above 0 on every task, `beyond it` for one against every point and on
    every task: intersection-union tests, each of level alpha although none of its parts is corrected (Berger,
    Multiparameter hypothesis testing and acceptance sampling, Technometrics 24, 1982).

    Args:
        front_val: (S, G, T) oriented validation values in percent, more is better, without NaN.
        own_val: (S, V, T) of the variants of the setting.
        front, own: the same on test.
        bounds: gives the intervals of columns of leads.
        weights: (B, S) of `paired_tests.resamples.bootstrap_weights`, for the shares, which are over seeds.
        margin: leads closer to 0, in percent, count as on the front.
        alpha: level of each word; each of the two bounds holds with 1 - alpha.
        front_cases, own_cases: by task the values on test by test case, (S, G, M) and (S, V, M).
    """
    if len(own) < 2 or not front.shape[1] or not own.shape[1]:
        return NOWHERE
    leads = _leads(front_val, own_val, front, own, front_cases, own_cases)
    behind, reach, ahead = (
        bounds(columns, layouts, 1 - 2 * alpha)
        for columns, layouts in zip(leads.columns, leads.layouts, strict=True)
    )
    if np.isnan(np.concatenate([*behind, *reach, *ahead])).any():
        return NOWHERE
    is_beyond = min(reach[0].min(), ahead[0].min()) > TOLERANCE
    low = float(ahead[0].min()) if is_beyond else min(float(reach[0].min()), 0.0)
    is_behind = behind[1].max() < -TOLERANCE
    high = float(behind[1].max()) if is_behind else max(float(ahead[1].min()), 0.0)
    mean, drawn = (_leads_of(leads, part) for part in (np.full((1, len(own)), 1 / len(own)), weights))
    return Position(
        lead=float(mean[0]),
        low=low,
        high=high,
        dominated=float((drawn < 0).mean()),
        on=float((np.abs(drawn) < margin).mean()),
        beyond=float((drawn > 0).mean()),
        word=_word(low, high, margin),
    )


def _leads(
    front_val: Array,
    own_val: Array,
    front: Array,
    own: Array,
    front_cases: CaseValues,
    own_cases: CaseValues,
) -> _Leads:
    """Return the leads on test at what the validation values of the other seeds choose."""
    seeds = np.arange(len(own))
    others = _others(own_val)
    variant = others.mean(axis=2).argmax(axis=1)
    points = _others(front_val)
    seen = others[seeds, variant][:, None] - points
    lead = own[seeds, variant][:, None] - front
    worst = seen.max(axis=2).argmin(axis=1)
    task = seen.argmax(axis=2)
    beaten = np.where(on_front(points), seen.min(axis=2), -np.inf).argmax(axis=1)
    reach = np.take_along_axis(lead, task[:, :, None], axis=2)[:, :, 0]

    def layout(tasks: NDArray[np.intp], places: NDArray[np.intp]) -> list[Array]:
        """Return the leads by seed and case over one point and on one task for each seed, in a list."""
        rows = []
        for seed, one, place in zip(seeds, tasks, places, strict=True):
            mine, theirs = (cases[one] if cases else None for cases in (own_cases, front_cases))
            if mine is None or theirs is None:
                return []
            rows.append(mine[seed, variant[seed]] - theirs[seed, place])
        return [np.stack(rows)] if len({len(row) for row in rows}) == 1 else []

    every = [np.full(len(seeds), t) for t in range(own.shape[2])]
    layouts = (
        [layout(t, worst) for t in every],
        [layout(task[:, g], np.full(len(seeds), g)) for g in range(front.shape[1])],
        [layout(t, beaten) for t in every],
    )
    return _Leads(lead[seeds, worst], reach, lead[seeds, beaten], layouts)


def _others(values: Array) -> Array:
    """Return for each seed the mean of the other seeds (S, ...)."""
    return (values.sum(axis=0) - values) / (len(values) - 1)


def on_front(points: Array) -> NDArray[np.bool_]:
    """Return which points (..., G, T) no other equals or beats on all tasks, and beats on one."""
    one, other = points[..., :, None, :], points[..., None, :, :]
    beaten = (other >= one).all(axis=-1) & (other > one).any(axis=-1)
    return np.logical_not(beaten.any(axis=-1))


def _leads_of(leads: _Leads, weights: Array) -> Array:
    """Return the lead (B,) of each mean of seeds that weights (B, S) make."""
    behind, reach, ahead = (weights @ columns for columns in leads.columns)
    worst, best = behind.max(axis=1), ahead.min(axis=1)
    is_beyond = (reach.min(axis=1) > TOLERANCE) & (best > TOLERANCE)
    return np.where(worst < -TOLERANCE, worst, np.where(is_beyond, best, 0.0))


def _word(low: float, high: float, margin: float) -> str:
    if high < 0:
        return DOMINATED
    if low > 0:
        return BEYOND
    return ON if -margin < low and high < margin else UNDECIDED


def spread_out(coordinates: Array) -> NDArray[np.intp]:
    """Return an order of points (G, K) of which every beginning is spread evenly over all of them.

    The first is the one nearest to the centre; each next one leaves the least sum of squared distances from
    all points to the nearest of those before; of equally good ones the more central, then the first.
    """
    away = ((coordinates[:, None] - coordinates[None]) ** 2).sum(axis=2)
    centre = ((coordinates - coordinates.mean(axis=0)) ** 2).sum(axis=1)
    order = [int(np.round(centre, 9).argmin())]
    while len(order) < len(coordinates):
        left = np.minimum(away, away[order].min(axis=0)).sum(axis=1)
        left[order] = np.inf
        order.append(int(np.lexsort((np.round(centre, 9), np.round(left, 9)))[0]))
    return np.array(order)
