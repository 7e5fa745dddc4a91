"""Whether runs were trained for long enough, told by their validation values alone.

A difference between networks that are still learning says which of them learns faster at first, and not which is
better once trained. Such a row should not be read as a verdict on sharing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.analysis.pairs.checkpoint_selection import read_points
from mtlrun.report.analysis.pairs.layout import Layout
from mtlrun.report.analysis.pairs.paired_values import Flags, Measured
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.statistics.settings import Statistics

if TYPE_CHECKING:
    import pandas as pd

CONVERGENCE_COLUMNS = ("stl_unconverged", "mtl_unconverged", "converged")

LATE = 0.2
"""The last part of a task's own training, in which a new best value counts as one that is still being improved."""

MOST = 0.5
"""Share of seeds from which on a row counts as not converged."""


class Courses(NamedTuple):
    """Validation values over training, for S series (a seed of a unit) and at most E evaluations.

    Attributes:
        unit: (S,) position of each series' unit.
        value: (S, E) oriented, higher is better; NaN where there is none.
        step: (S, E) of the run; NaN where there is no evaluation.
        own: (S, E) the steps so far that trained the task.
        chosen: (S,) the step whose values reports read; NaN for runs that did not finish.
    """

    unit: NDArray[np.int64]
    value: Array
    step: Array
    own: Array
    chosen: Array


def make_convergence(
    layout: Layout, measured: Measured, curves: pd.DataFrame, settings: Statistics
) -> pd.DataFrame:
    """Return for each unit what share of its seeds was still improving when training ended.

    A run was still improving in a task if all of this holds. Times are in steps that train the task: in a schedule
    of phases its training may end before the run does.

    - The best value of the last fifth is better than the best one before by more than `statistics.margin` percent:
      of that value, or of its distance to 1 for metrics without a natural zero, which are best at 1 (for R2 the same
      as the margin of a squared error). Where evaluations are so few that the one before the last fifth lies further
      back, the gain is divided by the time it took.
    - It is better by more than the largest fall from one evaluation to the next in the second half: a gain within the
      noise of the curve is none.
    - It is better by more than one step of a metric that counts examples: one row of a small validation part tells
      nothing.
    - The evaluation that reports read lies in the last fifth or after it: otherwise more training would not be read.

    Args:
        layout: what is judged.
        measured: its values.
        curves: one row per metric value: run_id, task, split (`val` is read), metric, step, value.
        settings: of the study; `margin` is read.

    Returns:
        A frame with the index of `layout.units`: `stl_unconverged` and `mtl_unconverged`, the share of seeds, NaN
        where no seed tells (no run, or no two evaluations of which one is before the last fifth); `converged`, False
        where either share is at least one half, null where one is not known and the other does not say so.
    """
    import pandas as pd

    units = layout.units
    found = {}
    for side in ("stl", "mtl"):
        courses = _courses(layout, measured, curves, side)
        improving = still_improving(courses, units["natural_zero"].to_numpy(bool), settings.margin)
        found[f"{side}_unconverged"] = _share(courses.unit, improving, len(units))
    failed = (found["stl_unconverged"] >= MOST) | (found["mtl_unconverged"] >= MOST)
    unknown = np.isnan(found["stl_unconverged"]) | np.isnan(found["mtl_unconverged"])
    converged = pd.arrays.BooleanArray(~failed, unknown & ~failed)
    return pd.DataFrame({**found, "converged": converged}, index=units.index)


def still_improving(courses: Courses, natural_zero: Flags, margin: float) -> Array:
    """Return for each series (S,) 1 where it was still improving, 0 where not, NaN where unknown.

    Args:
        courses: the validation values.
        natural_zero: (U,) whether a percentage of the unit's metric has a meaning.
        margin: in percent.
    """
    total = np.max(courses.own, axis=1, initial=0.0, where=~np.isnan(courses.own))
    gained = np.diff(courses.own, axis=1, prepend=0.0) > 0  # evaluations after some training of the task
    value = np.where(gained, courses.value, np.nan)
    late = gained & (courses.own > (1 - LATE) * total[:, None] * (1 + 1e-9))
    before = gained & ~late
    best_late, best_before = _best(value, late), _best(value, before)
    known = np.isfinite(best_late) & np.isfinite(best_before) & np.isfinite(courses.chosen)

    since = total - np.max(courses.own, axis=1, initial=0.0, where=before)
    rate = np.minimum(1.0, LATE * total / np.where(since > 0, since, 1.0))
    zero = natural_zero[courses.unit]
    size = np.where(zero, np.abs(best_before), np.abs(1 - best_before))
    gain = np.where(known, best_late, 0.0) - np.where(known, best_before, 0.0)
    begun = np.min(courses.step, axis=1, initial=np.inf, where=late)
    improving = (
        (gain * rate > margin / 100 * size)
        & (gain > _largest_fall(value, courses.own > total[:, None] / 2))
        & (gain > 1.5 * _step_of_metric(value, courses.unit))
        & (courses.chosen >= begun)
    )
    return np.where(known, improving, np.nan)


def _best(value: Array, where: Flags) -> Array:
    """Return the largest value of each series (S,) there, NaN where there is none."""
    best = np.max(np.where(np.isnan(value), -np.inf, value), axis=1, initial=-np.inf, where=where)
    return np.where(np.isfinite(best), best, np.nan)


def _largest_fall(value: Array, where: Flags) -> Array:
    """Return the largest fall (S,) from one evaluation to the next, of those that end `where`; 0 for none."""
    fall = value[:, :-1] - value[:, 1:]
    return np.max(np.nan_to_num(fall), axis=1, initial=0.0, where=where[:, 1:])


def _step_of_metric(value: Array, unit: NDArray[np.int64]) -> Array:
    """Return for each series (S,) the least difference between two values of its unit, 0 if the metric seems smooth.

    A metric that counts has few values: it seems smooth unless most of the unit's values occur more than once.
    """
    steps = np.zeros(len(unit))
    for _, at in _members(unit):
        found = value[at]
        found = found[np.isfinite(found)]
        distinct = np.unique(found)
        if 1 < len(distinct) <= len(found) / 2:
            apart = np.diff(distinct)
            steps[at] = apart[apart > 1e-6 * np.abs(distinct).max()].min(initial=np.inf)
    return np.where(np.isfinite(steps), steps, 0.0)


def _share(unit: NDArray[np.int64], improving: Array, units: int) -> Array:
    """Return the mean over each unit's known series (U,), NaN where there is none."""
    known = ~np.isnan(improving)
    total = np.bincount(unit[known], improving[known], minlength=units)
    count = np.bincount(unit[known], minlength=units)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _courses(layout: Layout, measured: Measured, curves: pd.DataFrame, side: str) -> Courses:
    """Return the courses of one side, `stl` or `mtl`, in the order of `measured.pairs`."""
    prefix = "" if side == "mtl" else "stl_"
    pairs, units = measured.pairs, layout.units
    unit = pairs["unit"].to_numpy(dtype=np.int64)
    wanted = units[["task", "metric", "sign"]].iloc[unit].reset_index(drop=True)
    wanted = wanted.assign(run_id=pairs[f"{prefix}run_id"].to_numpy())
    names = ["run_id", "task", "metric"]
    number = wanted.groupby(names, sort=False).ngroup().to_numpy()  # a baseline serves many units
    points = read_points(wanted.drop_duplicates(names).reset_index(drop=True), curves)

    place = _place_in_group(points.series)
    shape = (number.max(initial=-1) + 1, place.max(initial=-1) + 1)
    value, step = np.full(shape, np.nan), np.full(shape, np.nan)
    value[points.series, place], step[points.series, place] = points.val, points.step
    value, step = value[number] * wanted["sign"].to_numpy()[:, None], step[number]
    own = step if side == "stl" else _own_steps(step, unit, units["trained"].tolist())
    chosen = pairs[f"{prefix}step"].to_numpy(dtype=float, na_value=np.nan)
    return Courses(unit, value, step, own, chosen)


def _place_in_group(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each entry in its group, of entries that are sorted by group."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    return np.arange(len(group)) - first[inverse]


def _own_steps(
    step: Array, unit: NDArray[np.int64], trained: list[tuple[list[int], list[int]] | None]
) -> Array:
    """Return how many steps have trained the unit's task after each step of the run, spread evenly over a phase."""
    own = step.copy()
    for one, at in _members(unit):
        course = trained[one]
        if course is not None:
            own[at] = np.interp(step[at], *course)
    return own


def _members(unit: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each unit and the positions of its series."""
    order = np.argsort(unit, kind="stable")
    found, first = np.unique(unit[order], return_index=True)
    yield from zip(found.tolist(), np.split(order, first[1:]), strict=True)
