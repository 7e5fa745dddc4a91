"""A benchmark in one line for each setting: what it does over all suites of the study together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.analysis.pairs.case_layouts import CaseLayouts, filled
from mtlrun.report.analysis.pairs.layout import LABELS, Layout
from mtlrun.report.analysis.pairs.paired_values import Measured
from mtlrun.report.analysis.rows import splits_of
from mtlrun.statistics.aggregate import (
    RESAMPLES,
    Error,
    Estimate,
    aggregate,
    mean_rank,
    performance_profile,
    whole_seeds,
)
from mtlrun.statistics.evidence import Differences, mean_error
from mtlrun.statistics.judge import ZERO
from mtlrun.statistics.paired_tests.resamples import Draws
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.statistics.settings import EXAMPLES, SEEDS, Statistics
from mtlrun.streams import stream

if TYPE_CHECKING:
    import pandas as pd

SETTING = (*LABELS[1:], "hyper")
FIGURES = ("mean_gain", "iqm_gain", "improvement")
AGGREGATE_COLUMNS = (
    *(*SETTING, "n_suites", "n_tasks", "n_seeds"),
    *(name for figure in FIGURES for name in (figure, f"{figure}_low", f"{figure}_high")),
    *("mean_rank", "profile", "over"),
)
THRESHOLDS = (-10.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0, 10.0)


def make_aggregates(
    layout: Layout, measured: Measured, cases: CaseLayouts, rows: pd.DataFrame, settings: Statistics
) -> pd.DataFrame:
    """Return one row per setting that several suites have, with `AGGREGATE_COLUMNS`; without such, none.

    A setting is sharing, strategies and varying settings; its tasks are those of all its suites. `mean_gain` and
    `iqm_gain` are in percent, over the tasks that have a percentage. `improvement` is the probability that a
    multi-task run beats a single-task run. Each has its 95 % interval (`_low`, `_high`), of the scope `over`; suites
    that share baselines have their seeds in common, others have not. `mean_rank` is over the tasks that all settings
    have, by mean test value; values that agree to 1e-6 of the single-task mean tie, and share the mean of their
    ranks. `profile` is the share of runs whose gain is above each percentage. `n_seeds` is the smallest
    number of seeds of any task.
    """
    import pandas as pd

    keys = [
        json.dumps(list(values), sort_keys=True, default=str) for values in rows[list(SETTING)].to_numpy()
    ]
    cells: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        cells.setdefault(key, []).append(position)
    suites = rows["suite"].to_numpy()
    several = [np.array(at) for at in cells.values() if len(set(suites[at])) > 1]
    strata = _strata(layout)
    ranks = _ranks(rows, layout, several)
    draws = Draws(stream(0, "statistics/aggregates"), RESAMPLES)
    records = [
        _record(at, layout, measured, cases, rows, strata, draws, settings) | {"mean_rank": rank}
        for at, rank in zip(several, ranks, strict=True)
    ]
    return pd.DataFrame(records, columns=list(AGGREGATE_COLUMNS))


def _record(
    at: NDArray[np.intp],
    layout: Layout,
    measured: Measured,
    cases: CaseLayouts,
    rows: pd.DataFrame,
    strata: NDArray[np.int64],
    draws: Draws,
    settings: Statistics,
) -> dict[str, Any]:
    about = rows.iloc[at]
    sign = layout.units["sign"].to_numpy()[at]
    scale = np.where(about["gain_pct"].notna(), 100 / np.abs(about["stl_mean"].to_numpy()), np.nan)
    paired = np.where(np.isnan(measured.d[:, at]), np.nan, 1.0)
    stl, mtl = sign * measured.stl[:, at] * paired, sign * measured.mtl[:, at] * paired
    by_case = _by_case(at, layout, measured, cases, strata) if settings.over != SEEDS else []
    error, scope = _mean_error(at, layout, measured, by_case, scale, strata, settings)
    drawn = by_case if scope == EXAMPLES else ()
    found = aggregate(stl, mtl, scale, strata[at], draws, error, drawn)
    shares = performance_profile(measured.d[:, at] * scale, np.array(THRESHOLDS))
    figures: dict[str, Any] = {}
    for name, one in zip(FIGURES, found, strict=True):
        figures |= _estimate(name, one)
    return {
        **{name: about.iloc[0][name] for name in SETTING},
        "n_suites": about["suite"].nunique(),
        "n_tasks": len(at),
        "n_seeds": int(about["n_seeds"].min()),
        **figures,
        "profile": {f"{bound:g}": float(share) for bound, share in zip(THRESHOLDS, shares, strict=True)},
        "over": scope,
    }


def _by_case(
    at: NDArray[np.intp],
    layout: Layout,
    measured: Measured,
    cases: CaseLayouts,
    strata: NDArray[np.int64],
) -> list[tuple[Array, Array]]:
    """Return the oriented values of both sides of each unit by seed and case (S, M); nothing where any lacks them."""
    found = []
    whole = whole_seeds(~np.isnan(measured.d[:, at]), strata[at])
    signs = layout.units["sign"].to_numpy()
    for place, unit in enumerate(at):
        seeds, sign = whole[:, place], signs[unit]
        sides = [cases.side(side, int(unit), seeds) for side in ("stl", "mtl")]
        if sides[0] is None or sides[1] is None or sides[0].shape != sides[1].shape:
            return []
        spread = []
        for side in sides:
            assert side is not None
            wide = np.full((len(seeds), side.shape[1]), np.nan)
            wide[seeds] = sign * filled(side)
            spread.append(wide)
        found.append((spread[0], spread[1]))
    return found


def _mean_error(
    at: NDArray[np.intp],
    layout: Layout,
    measured: Measured,
    by_case: list[tuple[Array, Array]],
    scale: Array,
    strata: NDArray[np.int64],
    settings: Statistics,
) -> tuple[Error, str]:
    """Return the error of the mean gain, over the tasks that have a percentage, and its scope.

    Each stratum is a sum of its tasks' gains, whose error is found as that of delta-m; strata are independent.
    """
    percent = ~np.isnan(scale)
    names = np.unique(strata[at][percent])
    if not len(names):
        return Error(np.nan, np.nan), settings.over
    whole = whole_seeds(~np.isnan(measured.d[:, at]), strata[at])
    ratio, split = layout.units["ratio"].to_numpy(dtype=float), splits_of(layout, measured)
    sums, layouts, ratios, splits = [], [], [], []
    for stratum in names:
        inside = np.flatnonzero((strata[at] == stratum) & percent)
        part = scale[inside] / percent.sum()
        seeds = whole[:, inside].all(axis=1)
        sums.append(np.where(seeds, measured.d[:, at[inside]] @ part, np.nan))
        by_count: dict[int, Array] = {}
        for weight, place in zip(part, inside, strict=True) if by_case else ():
            alone, together = by_case[place]
            gain = weight * (together - alone)[seeds]
            by_count[gain.shape[1]] = by_count.get(gain.shape[1], 0.0) + gain
        layouts.append(list(by_count.values()))
        ratios.append(ratio[at[inside]].max())
        splits.append(split[at[inside[0]]])
    differences = Differences(
        np.stack(sums, axis=1), np.full(len(names), np.nan), layouts, np.array(ratios), np.stack(splits)
    )
    error, freedom = mean_error(differences, settings.over)
    scopes = differences.scopes(settings.over)
    total = (error**2).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom_of_all = total**2 / (error**4 / freedom).sum()
    scope = str(scopes[0]) if len(set(scopes)) == 1 else SEEDS
    return Error(float(np.sqrt(total)), float(freedom_of_all)), scope


def _estimate(name: str, one: Estimate) -> dict[str, float]:
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}


def _ranks(rows: pd.DataFrame, layout: Layout, several: list[NDArray[np.intp]]) -> Array:
    """Return each setting's mean rank over the tasks that all of them have."""
    tasks = list(zip(rows["suite"], rows["task"], strict=True))
    by_task = [{tasks[position]: int(position) for position in at} for at in several]
    common = [task for task in (by_task[0] if by_task else ()) if all(task in one for one in by_task)]
    at = np.array([[one[task] for task in common] for one in by_task], dtype=np.intp)
    at = at.reshape(len(several), len(common))
    values = layout.units["sign"].to_numpy() * rows["mtl_mean"].where(rows["n_seeds"] > 0).to_numpy()
    size = np.abs(rows["stl_mean"].to_numpy())[at[0]] if len(at) else np.empty(0)
    return mean_rank(values[at], ZERO * np.where(size > 0, size, 1.0))


def _strata(layout: Layout) -> NDArray[np.int64]:
    """Return for each unit the number of its stratum: suites that share baselines, directly or not, are one."""
    groups: dict[str, set[str]] = {}  # suites by each of their group
    owners: dict[str, str] = {}  # a suite that reads a baseline
    suites = layout.units["suite"].to_numpy()
    for suite in dict.fromkeys(suites.tolist()):
        groups[suite] = {suite}
    read = zip(
        suites[layout.pairs["unit"].to_numpy()].tolist(), layout.pairs["stl_run_id"].tolist(), strict=True
    )
    for suite, baseline in dict.fromkeys(read):
        one, other = groups[suite], groups[owners.setdefault(baseline, suite)]
        if one is not other:
            one |= other
            groups.update(dict.fromkeys(other, one))
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(id(groups[suite]), len(numbers)) for suite in suites], dtype=np.int64)
