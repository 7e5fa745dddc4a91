"""Which task helps or hurts which: gains of tasks that were trained with several partners, one with each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.planning.labels import base_suite
from mtlrun.report.analysis.pairs.layout import LABELS
from mtlrun.report.analysis.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

MATRIX_COLUMNS = (
    *(*LABELS, "hyper", "task", "partner", "metric", "direction"),
    *(
        "n_seeds",
        "diff",
        "gain_pct",
        "ci_low",
        "ci_high",
        "p_adjusted",
        "verdict",
        "small",
        "over",
        "cell_id",
    ),
)


def matrix_table(summary: Summary) -> pd.DataFrame:
    """Return a row per task and partner, of suites with a task that has several; `suite` is without its tasks.

    `partner` has the other tasks of the cell, joined by `+` where there are several.
    """
    rows = summary.rows
    found = rows.assign(
        suite=rows["suite"].map(base_suite), partner=["+".join(names) for names in rows["partners"]]
    )
    found = found[found["partner"] != ""]
    kinds = found.groupby(["suite", "task"], sort=False)["partner"].transform("nunique")
    several = found["suite"].isin(set(found["suite"][kinds > 1]))
    return found[several][list(MATRIX_COLUMNS)].reset_index(drop=True)
