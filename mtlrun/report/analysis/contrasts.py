"""Contrasts: each mitigation against `none`, seed by seed, under the same sharing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mtlrun.report.analysis.identical_runs import Side, same_sides
from mtlrun.report.analysis.pairs.case_layouts import CaseLayouts
from mtlrun.report.analysis.pairs.layout import IDENTITY, Layout
from mtlrun.report.analysis.pairs.paired_values import Measured
from mtlrun.report.analysis.rows import families, percent_columns, splits_of
from mtlrun.statistics.evidence import Differences
from mtlrun.statistics.judge import judge
from mtlrun.statistics.paired_tests.student import Array, moments
from mtlrun.statistics.settings import EXAMPLES, Statistics
from mtlrun.statistics.verdicts import (
    UNKNOWN,
    Words,
    contrast_words,
    examples_needed,
    is_small,
    seeds_needed,
)
from mtlrun.store.runs.stored_runs import Curves

if TYPE_CHECKING:
    import pandas as pd

BASE = "none"
CONTRAST_COLUMNS = (
    *IDENTITY,
    *("n_seeds", "n_diverged", "none_mean", "mitigated_mean"),
    *("diff", "diff_low", "diff_high", "gain_pct", "ci_low", "ci_high"),
    *("p", "p_adjusted", "verdict", "none_verdict", "row_verdict", "seeds_needed", "small", "cell_id"),
    *("over", "n_examples", "seed_low", "seed_high", "examples_needed"),
)
"""`verdict` is the contrast's word; `none_verdict` and `row_verdict` are those of the two rows it compares."""

_STRATEGIES = ("heads.", "weighting.", "schedule.", "regularization.")


def make_contrasts(
    layout: Layout,
    measured: Measured,
    cases: CaseLayouts,
    curves: Curves,
    rows: pd.DataFrame,
    settings: Statistics,
) -> pd.DataFrame:
    """Return one row per mitigation, task and sharing with `CONTRAST_COLUMNS`.

    The difference is `sign (MTL with - MTL without)`, so it does not depend on the baselines; percentages and the
    margin are of |single-task mean| of the row without mitigation, as that row's own gain is. Without baselines
    there is neither, and no word that tells a repair.
    """
    with_it, without = _matches(rows)
    both = rows.iloc[with_it].reset_index(drop=True)
    base = rows.iloc[without].reset_index(drop=True)
    sign = layout.units["sign"].to_numpy()[with_it]
    d = sign * (measured.mtl[:, with_it] - measured.mtl[:, without])
    reference = base["stl_mean"].to_numpy()
    percent = base["gain_pct"].notna().to_numpy()
    pairs: list[tuple[Side, Side]] = [
        (("mtl", int(one)), ("mtl", int(other))) for one, other in zip(with_it, without, strict=True)
    ]
    judged = judge(
        _differences(layout, measured, cases, pairs, d, reference),
        percent=percent,
        diverged=(measured.mtl_diverged[:, with_it] | measured.mtl_diverged[:, without]).sum(axis=0),
        same=same_sides(pairs, d, np.abs(measured.mtl[:, without]), cases, curves),
        family=families(both["suite"], settings),
        settings=settings,
    )
    words = contrast_words(judged, _known(both), _known(base), both["not_worse"].to_numpy(dtype=bool))
    scale = 100 / np.where(percent, np.abs(reference), np.nan)
    blocks = np.array([cases.blocks_of(int(unit)) for unit in with_it])
    missing = np.isnan(d)
    table = both.assign(
        n_seeds=judged.n,
        n_diverged=judged.diverged,
        none_mean=moments(np.where(missing, np.nan, measured.mtl[:, without])).mean,
        mitigated_mean=moments(np.where(missing, np.nan, measured.mtl[:, with_it])).mean,
        **percent_columns(judged, reference, percent),
        p=judged.p,
        p_adjusted=judged.p_adjusted,
        none_verdict=base["verdict"],
        row_verdict=both["verdict"],
        seeds_needed=seeds_needed(judged, words),
        small=is_small(judged),
        over=judged.scope,
        n_examples=np.round(np.where(judged.scope == EXAMPLES, blocks * judged.layout.m, np.nan)),
        seed_low=judged.seed_low * scale,
        seed_high=judged.seed_high * scale,
        examples_needed=np.round(blocks * examples_needed(judged, words)),
    )
    whole = dict.fromkeys(("seeds_needed", "n_examples", "examples_needed"), "Int64")
    return table.assign(verdict=words).astype(whole)[list(CONTRAST_COLUMNS)]


def _differences(
    layout: Layout,
    measured: Measured,
    cases: CaseLayouts,
    pairs: Sequence[tuple[Side, Side]],
    d: Array,
    size: Array,
) -> Differences:
    units = np.array([one[1] for one, _ in pairs], dtype=np.intp)
    sign, known = layout.units["sign"].to_numpy(), ~np.isnan(d)
    layouts = [cases.difference(*pair, sign[pair[0][1]], known[:, k]) for k, pair in enumerate(pairs)]
    ratio = layout.units["ratio"].to_numpy(dtype=float)[units]
    return Differences(d, size, layouts, ratio, splits_of(layout, measured)[units])


def _known(rows: pd.DataFrame) -> Words:
    return np.where(rows["n_seeds"] > 1, rows["verdict"].to_numpy(str), UNKNOWN)


def _matches(rows: pd.DataFrame) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the positions of mitigated rows and, for each, of the row without mitigation to compare it with.

    That row has the same suite, task and sharing, and contradicts none of the varying settings, those of the
    strategies themselves aside; of several the one that agrees in most, then the first.
    """
    base: dict[tuple[str, ...], list[tuple[int, Mapping[str, Any]]]] = {}
    keys = list(zip(rows["suite"], rows["task"], rows["sharing"], strict=True))
    is_base = (rows["mitigation"] == BASE).tolist()
    hypers = rows["hyper"].tolist()
    for position in np.flatnonzero(is_base):
        base.setdefault(keys[position], []).append((int(position), hypers[position]))
    found = []
    for position in np.flatnonzero(~np.asarray(is_base, dtype=bool)):
        fits = [(_agreement(hypers[position], other), at) for at, other in base.get(keys[position], [])]
        possible = [(-agreement, at) for agreement, at in fits if agreement >= 0]
        if possible:
            found.append((int(position), min(possible)[1]))
    pairs = np.array(found, dtype=np.intp).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _agreement(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """Return in how many settings both agree, -1 if they contradict each other in one."""
    common = [key for key in one if key in other and not key.startswith(_STRATEGIES)]
    return len(common) if all(one[key] == other[key] for key in common) else -1
