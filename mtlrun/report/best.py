"""The best cell of each task, or of each suite, chosen by validation values where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.summary import Summary, changed
from mtlrun.report.analysis.training.overfitting import chosen_values
from mtlrun.report.levels import CELLS, COLUMNS, LEVELS, MEMBERS

if TYPE_CHECKING:
    import pandas as pd

TASK, SUITE = "task", "suite"
BEST = (TASK, SUITE)
"""What a best cell is chosen for."""

_BY: Mapping[str, list[str]] = {TASK: ["suite", "task"], SUITE: ["suite"]}


def best_cells(summary: Summary, of: str) -> Summary:
    """Return a summary with the best cell alone, of each task or of each suite.

    A task's best cell has the best mean over seeds of its metric, trained together; a suite's has the largest mean
    over tasks of the gain in percent, its delta-m. Both are of validation values at the step that reports read; where
    a cell lacks these, all are of test values. Tables that compare several cells are empty.

    Args:
        summary: of a report, perhaps filtered: the cells that are left are compared.
        of: `task` or `suite`.

    Raises:
        ConfigError: neither of the two, or there is nothing to choose of.
    """
    if of not in BEST:
        raise ConfigError([Fault("--best", "must say of what", of, list(BEST))])
    rows = summary.rows[summary.rows["n_seeds"] > 0].reset_index(drop=True)
    if rows.empty:
        raise ConfigError(["`--best` has nothing to choose of: no seed has both sides trained yet"])
    val = _validation(summary, rows)
    validated = bool(val.notna().all(axis=None))
    stl, mtl = (val["stl_val"], val["mtl_val"]) if validated else (rows["stl_mean"], rows["mtl_mean"])
    sign = np.where(rows["direction"] == "higher", 1.0, -1.0)
    if of == TASK:
        scores = sign * mtl
    else:
        gains = (sign * (mtl - stl) / stl.abs().replace(0.0, np.nan)).where(rows["gain_pct"].notna())
        scores = gains.groupby([rows["suite"], rows["cell_id"]]).transform("mean")
    groups = rows.assign(score=scores).groupby(_BY[of], sort=False)
    first = rows[scores == groups["score"].transform("max")].drop_duplicates(_BY[of])
    if first.empty:
        raise ConfigError(
            ["`--best suite` compares gains in percent, and no task has one: use `--best task`"]
        )
    return _narrowed(summary, first, of, _words(of, groups["cell_id"].nunique(), validated))


def _validation(summary: Summary, rows: pd.DataFrame) -> pd.DataFrame:
    """Return by row the means over seeds of the validation values of both sides, `stl_val` and `mtl_val`."""
    values = chosen_values(summary.pairs, summary.curves)[["stl_val", "mtl_val"]]
    keys = summary.pairs[["cell_id", "task"]].join(values.dropna(), how="inner")
    means = keys.groupby(["cell_id", "task"], sort=False).mean().reset_index()
    return rows[["cell_id", "task"]].merge(means, on=["cell_id", "task"], how="left")[["stl_val", "mtl_val"]]


def _narrowed(summary: Summary, first: pd.DataFrame, of: str, words: str) -> Summary:
    """Return the summary with these rows, or all rows of their cells, and what other tables have of them."""
    changes: dict[str, Any] = {"best": words}
    for level in filter(lambda level: level.field, LEVELS.values()):
        frame: pd.DataFrame = getattr(summary, level.field)
        if level.keep not in (COLUMNS, CELLS, MEMBERS):
            changes[level.field] = frame[:0]
            continue
        by = ["cell_id", "task"] if of == TASK and level.keep == COLUMNS else ["cell_id"]
        wanted = set(first[by].itertuples(index=False, name=None))
        kept = [key in wanted for key in frame[by].itertuples(index=False, name=None)]
        changes[level.field] = frame[np.array(kept, dtype=bool)]
    return changed(summary, **changes)


def _words(of: str, counts: pd.Series, validated: bool) -> str:
    """Return how the cells were chosen, and what that means for their gains."""
    low, high = int(counts.min()), int(counts.max())
    cells = f"{high:,} cells" if low == high else f"{low:,} to {high:,} cells"
    if high == 1:
        return f"Each {of} has one cell, so there was nothing to choose."
    what = "mean over seeds" if of == TASK else "delta-m"
    if validated:
        return (
            f"Each {of} shows the best of {cells}, chosen by validation ({what}), not by the test values shown. "
            "Intervals and p-values are those of all cells, and do not count the choice."
        )
    return (
        f"Each {of} shows the best of {cells}, chosen by these same test values ({what}), since not all have "
        "validation values: the best of many looks better than it is. Confirm it with other seeds and test data."
    )
