"""The rows of a report, one task under one cell each; and the suites, one cell each."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.layout import IDENTITY, LABELS, Layout
from mtlrun.report.measured import Measured
from mtlrun.statistics.corrections import find_correction
from mtlrun.statistics.delta_m import DeltaM, bootstrap_weights, delta_m
from mtlrun.statistics.judge import Judgement, judge
from mtlrun.statistics.methods import find_method
from mtlrun.statistics.settings import Statistics
from mtlrun.statistics.skew import clearly_skewed, seeds_for_skew
from mtlrun.statistics.student import Array, moments
from mtlrun.statistics.verdicts import is_small, seeds_needed, verdicts
from mtlrun.streams import stream

if TYPE_CHECKING:
    import pandas as pd

ROW_COLUMNS = (
    *IDENTITY,
    *("n_seeds", "n_diverged", "stl_mean", "stl_sd", "mtl_mean", "mtl_sd"),
    *("diff", "diff_low", "diff_high", "gain_pct", "ci_low", "ci_high"),
    *("p", "p_adjusted", "verdict", "seeds_needed"),
    *("small", "cell_id", "skewed", "skew_seeds"),
)
"""The contract's columns in its order, then what was added to it."""

SUITE_COLUMNS = (
    *(*LABELS, "hyper", "tuned", "n_tasks", "n_seeds", "n_diverged"),
    *("delta_m", "ci_low", "ci_high", "hurt", "helped", "cell_id"),
)

RESAMPLES = 4000
_ABOUT_ZERO = 0.1


def families(suites: pd.Series, settings: Statistics) -> list[str]:
    """Return the family of each entry: its suite, or one for the whole study."""
    return list(suites) if settings.family == "suite" else ["study"] * len(suites)


def has_percent(natural_zero: NDArray[np.bool_], mean: Array, sd: Array) -> NDArray[np.bool_]:
    """Return whether a percentage of |mean| (U,) has a meaning.

    Not for metrics without a natural zero, nor where the mean is about 0: at most 1e-12, or less than a tenth of
    the standard deviation over seeds, which happens only where a metric takes both signs.
    """
    size = np.abs(mean)
    return natural_zero & (size > 1e-12) & ~(size < _ABOUT_ZERO * sd)


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


def make_rows(layout: Layout, measured: Measured, settings: Statistics) -> pd.DataFrame:
    """Return the rows with `ROW_COLUMNS`, in the order of the units.

    Means are over the seeds that have both sides; where none has, `mtl_mean` is over all that were trained together.
    """
    units = layout.units
    paired = ~np.isnan(measured.d)
    _, stl_mean, stl_sd = moments(np.where(paired, measured.stl, np.nan))
    _, mtl_mean, mtl_sd = moments(np.where(paired | ~paired.any(axis=0), measured.mtl, np.nan))
    percent = has_percent(units["natural_zero"].to_numpy(dtype=bool), stl_mean, stl_sd)
    judged = judge(
        measured.d,
        reference=stl_mean,
        percent=percent,
        diverged=measured.diverged.sum(axis=0),
        family=families(units["suite"], settings),
        ratio=units["ratio"].to_numpy(dtype=float),
        settings=settings,
    )
    words = verdicts(judged)
    rows = units[[*IDENTITY, "cell_id"]].assign(
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
        **_skew_columns(np.where(judged.zero, np.nan, measured.d), units["suite"], settings),
    )
    return rows.astype({"seeds_needed": "Int64"})[list(ROW_COLUMNS)]


def _skew_columns(d: Array, suites: pd.Series, settings: Statistics) -> dict[str, pd.Series]:
    """Return `skewed`, whether differences d (S, U) are clearly so, and `skew_seeds`, at how many seeds tests hold.

    The first is null for rows that cannot tell, the second for rows that are not skewed, and under a method that
    is not about the mean of skewed differences.
    """
    import pandas as pd

    family = families(suites, settings)
    found = clearly_skewed(d, family, settings.alpha, stream(0, "statistics/skew"))
    needed = seeds_for_skew(d, family, find_correction(settings.correction), settings.alpha)
    known = (found == 1) & find_method(settings.method).mean
    return {
        "skewed": pd.Series(found, index=suites.index).astype("boolean"),
        "skew_seeds": pd.Series(np.where(known, needed, np.nan), index=suites.index).astype("Int64"),
    }


def make_suites(layout: Layout, measured: Measured, rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell: delta-m over its tasks that have a percentage, tasks hurt and helped.

    `delta_m` rests on the seeds that have all these tasks; `ci_low` and `ci_high` are its 95 % interval.
    """
    import pandas as pd

    cells: dict[int, list[int]] = {}
    for position, cell in enumerate(layout.units["cell"].tolist()):
        cells.setdefault(cell, []).append(position)
    signs = layout.units["sign"].to_numpy()
    percent = rows["gain_pct"].notna().to_numpy()
    records = rows[[*LABELS, "hyper", "tuned", "verdict", "cell_id"]].to_dict("records")
    suites = []
    for members in cells.values():
        at = np.array(members)
        used = at[percent[at]]
        value = _delta_m(measured, used, signs[used])
        words = [records[position]["verdict"] for position in members]
        suites.append(
            {
                **records[members[0]],
                "n_tasks": len(used),
                "n_seeds": value.n,
                "n_diverged": int(measured.diverged[:, at].any(axis=1).sum()),
                "delta_m": value.value,
                "ci_low": value.low,
                "ci_high": value.high,
                "hurt": words.count("negative"),
                "helped": words.count("positive"),
            }
        )
    return pd.DataFrame(suites, columns=list(SUITE_COLUMNS))


def _delta_m(measured: Measured, units: NDArray[np.intp], sign: Array) -> DeltaM:
    whole = ~np.isnan(measured.d[:, units]).any(axis=1) & (len(units) > 0)
    n = int(whole.sum())
    return delta_m(measured.stl[whole][:, units], measured.mtl[whole][:, units], sign, _weights(n))


@lru_cache(maxsize=8)
def _weights(n: int) -> Array:
    """Return the resamples of n seeds: the same for every cell, so that cells can be compared."""
    return bootstrap_weights(n, RESAMPLES, stream(0, f"report/delta_m/{n}")) if n else np.empty((0, 0))
