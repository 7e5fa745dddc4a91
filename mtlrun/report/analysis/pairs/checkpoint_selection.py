"""Which evaluation of a run counts: chosen on validation values alone, then read on test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlrun.errors import ConfigError, Fault
from mtlrun.statistics.paired_tests.student import Array

if TYPE_CHECKING:
    import pandas as pd


class Points(NamedTuple):
    """Evaluations (E,), ordered by series and step. A series is one task's primary metric in one run."""

    series: NDArray[np.int64]
    run: NDArray[np.int64]
    step: NDArray[np.int64]
    val: Array
    test: Array


def select(wanted: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Choose one evaluation for each wanted series, and read its test value.

    `per_task`: the step where the series' own validation value is best. `joint`: one step for all wanted tasks
    of a run, where the mean over tasks of their validation values is best, each oriented and divided by the
    absolute value of its own mean over the run's steps (that of an accuracy and that of a squared error then
    weigh alike). `last`: the last step. Of equally good steps the earliest counts; NaN and infinities are
    never best. Test values have no part in the choice.

    With patience, evaluations of a run count up to the one that is the patience-th in a row at which no wanted
    series of the run has a new best validation value; evaluations up to the step `after` have no part in this.

    Args:
        wanted: one row per series: run_id, task, metric, sign (1 where higher is better, else -1), select; and
            perhaps patience (evaluations, 0 for none) and after (a step), the same for all series of a run.
        curves: one row per metric value: run_id, task, split (`val` and `test` are read), metric, step, value.

    Returns:
        A frame with the index of `wanted`: `value` (test), `val` (validation) and `step`. All are NaN for runs
        without such curves; `value` and `val` are NaN where no evaluation can be chosen.

    Raises:
        ConfigError: `select` names no way to select.
    """
    import pandas as pd

    chosen = pd.DataFrame({"value": np.nan, "val": np.nan, "step": np.nan}, index=wanted.index)
    for mode, part in wanted.groupby("select", sort=False):
        if mode not in _SCORES:
            raise ConfigError([Fault("budget.select", "must name a selection", mode, sorted(_SCORES))])
        points = read_points(part, curves)
        if "patience" in part and (part["patience"] > 0).any():
            points = _until_stopped(points, part)
        score = _SCORES[str(mode)](points, part["sign"].to_numpy())
        best = _first_best(points, score)
        rows = part.index[points.series[best]]
        for name, values in (("value", points.test), ("val", points.val)):
            chosen.loc[rows, name] = np.where(np.isnan(score[best]), np.nan, values[best])
        chosen.loc[rows, "step"] = points.step[best]
    return chosen


def read_points(wanted: pd.DataFrame, curves: pd.DataFrame) -> Points:
    """Return the evaluations of the wanted series, validation and test side by side."""
    import pandas as pd

    names = ["run_id", "task", "metric"]
    levels = {name: pd.Index(wanted[name].unique()) for name in names}
    keys, found = np.zeros(len(wanted), dtype=np.int64), np.zeros(len(curves), dtype=np.int64)
    known = np.ones(len(curves), dtype=bool)
    for name, level in levels.items():
        codes = _codes(curves[name], level)
        known &= codes >= 0
        keys = keys * len(level) + level.get_indexer(wanted[name])
        found = found * len(level) + codes
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys[order], found), len(keys) - 1)
    known &= keys[order[place]] == found
    split = _codes(curves["split"], pd.Index(["val", "test"]))
    known &= split >= 0
    series, split = order[place[known]], split[known]
    steps, values = curves["step"].to_numpy()[known], curves["value"].to_numpy()[known]

    span = steps.max(initial=0) + 1
    at, inverse = np.unique(series * span + steps, return_inverse=True)
    sides = np.full((2, len(at)), np.nan)
    sides[split, inverse] = values
    runs = levels["run_id"].get_indexer(wanted["run_id"])
    val = np.where(np.isfinite(sides[0]), sides[0], np.nan)
    return Points(at // span, runs[at // span], at % span, val, sides[1])


def _until_stopped(points: Points, wanted: pd.DataFrame) -> Points:
    """Return the evaluations of each run up to the one with which its patience ends."""
    import pandas as pd

    per_point = wanted[["sign", "patience", "after"]].iloc[points.series].reset_index(drop=True)
    value = (per_point["sign"] * points.val).fillna(-np.inf)
    value = value.where(points.step > per_point["after"], -np.inf)
    before = value.groupby(points.series).cummax().groupby(points.series).shift(fill_value=-np.inf)
    frame = pd.DataFrame({"run": points.run, "step": points.step, "better": value > before}).join(per_point)
    moments = frame.groupby(["run", "step"], as_index=False).agg(
        {"better": "any", "patience": "first", "after": "first"}
    )
    moments = moments[(moments["step"] > moments["after"]) & (moments["patience"] > 0)]
    place = moments.groupby("run").cumcount()
    best = place.where(moments["better"], 0).groupby(moments["run"]).cummax()
    ended = moments[place - best >= moments["patience"]].groupby("run")["step"].min()
    last = pd.Series(points.run).map(ended).fillna(np.inf).to_numpy()
    return Points(*(column[points.step <= last] for column in points))


def _codes(column: pd.Series, level: pd.Index) -> NDArray[np.int64]:
    """Return the position in `level` of each entry, -1 where it is not there; fast for categories."""
    kinds = column.astype("category")
    table = np.append(level.get_indexer(kinds.cat.categories), -1)
    return table[kinds.cat.codes.to_numpy()].astype(np.int64)


def _first_best(points: Points, score: Array) -> NDArray[np.intp]:
    """Return for each series the position of its earliest best score; NaN is the worst score."""
    order = np.lexsort((points.step, -np.where(np.isnan(score), -np.inf, score), points.series))
    _, first = np.unique(points.series[order], return_index=True)
    return order[first]


def _per_task(points: Points, sign: Array) -> Array:
    return sign[points.series] * points.val


def _joint(points: Points, sign: Array) -> Array:
    oriented = sign[points.series] * points.val
    scale = np.abs(_group_mean(points.series, oriented))
    normal = oriented / np.where(scale > 0, scale, 1.0)
    _, moment = np.unique(points.run * (points.step.max(initial=0) + 1) + points.step, return_inverse=True)
    return _group_mean(moment, normal, whole=True)


def _last(points: Points, sign: Array) -> Array:
    return np.where(np.isnan(points.test), np.nan, points.step)


def _group_mean(group: NDArray[np.int64], values: Array, whole: bool = False) -> Array:
    """Return for each entry the mean of its group without NaN; with `whole`, NaN where any entry is NaN."""
    known = ~np.isnan(values)
    total = np.bincount(group, np.where(known, values, 0.0))
    count = np.bincount(group, known)
    mean = total / np.maximum(count, 1)
    if whole:
        mean = np.where(count == np.bincount(group), mean, np.nan)
    return mean[group]


_SCORES: dict[str, Callable[[Points, Array], Array]] = {
    "per_task": _per_task,
    "joint": _joint,
    "last": _last,
}
