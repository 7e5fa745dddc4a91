"""The rows of a report, one task under one cell each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.analysis.identical_runs import same_rows
from mtlrun.report.analysis.pairs.case_layouts import CaseLayouts
from mtlrun.report.analysis.pairs.layout import IDENTITY, Layout
from mtlrun.report.analysis.pairs.paired_values import Measured
from mtlrun.report.analysis.training.convergence import make_convergence
from mtlrun.statistics.corrections import find_correction
from mtlrun.statistics.evidence import Differences, variance_shares
from mtlrun.statistics.judge import Judgement, judge
from mtlrun.statistics.methods import find_method
from mtlrun.statistics.paired_tests.skew import clearly_skewed, seeds_for_skew
from mtlrun.statistics.paired_tests.student import Array, moments
from mtlrun.statistics.settings import EXAMPLES, Statistics
from mtlrun.statistics.verdicts import examples_needed, is_small, not_worse, seeds_needed, verdicts
from mtlrun.store.runs.stored_runs import Curves
from mtlrun.streams import stream

if TYPE_CHECKING:
    import pandas as pd

ROW_COLUMNS = (
    *IDENTITY,
    *("n_seeds", "n_diverged", "stl_mean", "stl_sd", "mtl_mean", "mtl_sd"),
    *("diff", "diff_low", "diff_high", "gain_pct", "ci_low", "ci_high"),
    *("p", "p_adjusted", "verdict", "seeds_needed"),
    *("small", "cell_id", "skewed", "skew_seeds"),
    *("over", "n_examples", "n_splits", "seed_low", "seed_high", "examples_needed", "not_worse"),
    *("share_seeds", "share_examples", "share_both", "share_splits"),
    *("stl_unconverged", "mtl_unconverged", "converged"),
    *("n_train", "n_test", "cases", "n_together", "select", "constant_guess"),
    "partners",
)
"""The contract's columns in its order, then what was added to it."""


def families(suites: pd.Series, settings: Statistics) -> list[str]:
    """Return the family of each entry: its suite, or one for the whole study."""
    return list(suites) if settings.family == "suite" else ["study"] * len(suites)


def has_percent(natural_zero: NDArray[np.bool_], values: Array, mean: Array, sd: Array) -> NDArray[np.bool_]:
    """Return whether a percentage of |mean| (U,) has a meaning, whatever the unit.

    Not for metrics without a natural zero, nor where the mean is 0, nor where values of both signs, whose standard
    deviation is larger than their mean, leave its sign open.

    Args:
        natural_zero: (U,) of the metrics.
        values: (S, U) that the mean is of; NaN where a seed has none.
        mean, sd: (U,) of these.
    """
    size = np.abs(mean)
    mixed = (values < 0).any(axis=0) & (values > 0).any(axis=0)
    return natural_zero & (size > 0) & ~(mixed & (size < sd))


def percent_columns(judged: Judgement, reference: Array, percent: NDArray[np.bool_]) -> dict[str, Array]:
    """Return the difference and its interval in metric units and in percent of |reference|; NaN without meaning."""
    scale = 100 / np.where(percent, np.abs(reference), np.nan)
    return {
        "diff": judged.mean,
        "diff_low": judged.low,
        "diff_high": judged.high,
        "gain_pct": judged.mean * scale,
        "ci_low": judged.low * scale,
        "ci_high": judged.high * scale,
    }


def make_rows(
    layout: Layout,
    measured: Measured,
    cases: CaseLayouts,
    runs: pd.DataFrame,
    curves: Curves,
    settings: Statistics,
) -> pd.DataFrame:
    """Return the rows with `ROW_COLUMNS`, in the order of the units.

    Means are over the seeds that have both sides; where none has, `mtl_mean` is over all that were trained together.
    """
    units = layout.units
    paired = ~np.isnan(measured.d)
    alone = np.where(paired, measured.stl, np.nan)
    _, stl_mean, stl_sd = moments(alone)
    _, mtl_mean, mtl_sd = moments(np.where(paired | ~paired.any(axis=0), measured.mtl, np.nan))
    percent = has_percent(units["natural_zero"].to_numpy(dtype=bool), alone, stl_mean, stl_sd)
    differences = _differences(layout, measured, cases, stl_mean, settings)
    judged = judge(
        differences,
        percent=percent,
        diverged=measured.diverged.sum(axis=0),
        same=same_rows(units, measured, cases, curves),
        family=families(units["suite"], settings),
        settings=settings,
    )
    words = verdicts(judged)
    scale = 100 / np.where(percent, np.abs(stl_mean), np.nan)
    blocks = np.array([cases.blocks_of(unit) for unit in range(len(units))])
    about = ["cell_id", "n_train", "n_test", "cases", "n_together", "select", "partners"]
    rows = units[[*IDENTITY, *about]].assign(
        constant_guess=_constant_guesses(layout, runs),
        n_seeds=judged.n,
        n_diverged=judged.diverged,
        stl_mean=stl_mean,
        stl_sd=stl_sd,
        mtl_mean=mtl_mean,
        mtl_sd=mtl_sd,
        **percent_columns(judged, stl_mean, percent),
        p=judged.p,
        p_adjusted=judged.p_adjusted,
        verdict=words,
        seeds_needed=seeds_needed(judged, words),
        small=is_small(judged),
        **_skew_columns(np.where(judged.zero, np.nan, measured.d), judged, units["suite"], settings),
        over=judged.scope,
        n_examples=np.round(np.where(judged.scope == EXAMPLES, blocks * judged.layout.m, np.nan)),
        n_splits=differences.split_counts(),
        seed_low=judged.seed_low * scale,
        seed_high=judged.seed_high * scale,
        examples_needed=np.round(blocks * examples_needed(judged, words)),
        not_worse=not_worse(judged),
        **variance_shares(differences, judged.layout, judged.scope),
        **make_convergence(layout, measured, curves.judged, settings),
    )
    counts = ("seeds_needed", "n_examples", "n_splits", "examples_needed", "n_train", "n_test", "n_together")
    whole = dict.fromkeys(counts, "Int64")
    return rows.astype(whole)[list(ROW_COLUMNS)]


def _differences(
    layout: Layout, measured: Measured, cases: CaseLayouts, size: Array, settings: Statistics
) -> Differences:
    """Return the differences of all units, by seed and, where scores are known, by test case."""
    units = layout.units
    signs, paired = units["sign"].to_numpy(), ~np.isnan(measured.d)
    layouts = [
        cases.difference(("mtl", unit), ("stl", unit), signs[unit], paired[:, unit])
        for unit in range(len(units))
    ]
    return Differences(
        measured.d, size, layouts, units["ratio"].to_numpy(dtype=float), splits_of(layout, measured)
    )


def _constant_guesses(layout: Layout, runs: pd.DataFrame) -> Array:
    """Return by unit the mean over seeds of what a constant guess gets (U,); NaN where it was not recorded."""
    if "diagnostics" not in runs:
        return np.full(len(layout.units), np.nan)
    known = {
        run_id: told.get("constant_guess") or {}
        for run_id, told in zip(runs["run_id"], runs["diagnostics"], strict=True)
    }
    tasks = layout.units["task"].tolist()
    found: list[list[float]] = [[] for _ in tasks]
    for unit, run_id in zip(layout.pairs["unit"], layout.pairs["run_id"], strict=True):
        value = known.get(run_id, {}).get(tasks[unit])
        found[unit] += [] if value is None else [value]
    return np.array([np.mean(values) if values else np.nan for values in found])


def splits_of(layout: Layout, measured: Measured) -> NDArray[np.int64]:
    """Return the split of each unit and seed (U, S): the seed itself where each has its own."""
    count = layout.units["splits"].to_numpy(dtype=np.int64)[:, None]
    return np.where(count > 0, measured.seeds % np.maximum(count, 1), measured.seeds)


def _skew_columns(
    d: Array, judged: Judgement, suites: pd.Series, settings: Statistics
) -> dict[str, pd.Series]:
    """Return `skewed`, whether differences d (S, U) are clearly so, and `skew_seeds`, at how many seeds tests hold.

    The first is null for rows that cannot tell, the second for rows that are not skewed, and under a method that
    is not about the mean of skewed differences. Where seeds are only a part s of the variance of the mean, their
    skewness counts by s^1.5, and its square by s^3.
    """
    import pandas as pd

    layout = judged.layout
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(judged.scope == EXAMPLES, layout.seed / layout.variance, 1.0)

    family = families(suites, settings)
    found = clearly_skewed(d, family, settings.alpha, stream(0, "statistics/skew"))
    needed = seeds_for_skew(d, family, find_correction(settings.correction), settings.alpha)
    needed = np.ceil(needed * part**3)
    known = (found == 1) & find_method(settings.method).mean
    return {
        "skewed": pd.Series(found, index=suites.index).astype("boolean"),
        "skew_seeds": pd.Series(np.where(known, needed, np.nan), index=suites.index).astype("Int64"),
    }
