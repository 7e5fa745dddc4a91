"""Where the error of each gain comes from, and what would make it smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.report.analysis.pairs.layout import IDENTITY
from mtlrun.report.analysis.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

SHARES = {
    "share_seeds": "seeds",
    "share_examples": "test examples",
    "share_both": "seeds x examples",
    "share_splits": "splits of the data",
}
"""The parts of the variance of a mean gain: which shrink with more seeds, with more test examples, with more of
either, and with more splits and data."""

VARIANCE_COLUMNS = (
    *IDENTITY,
    *("over", "n_seeds", "n_examples", "n_splits", "n_train", "cases"),
    *("gain_pct", "ci_low", "ci_high", *SHARES, "verdict", "seeds_needed", "examples_needed", "cell_id"),
)


NOTE = "% of the variance of each gain"
"""What the shares are of."""


def by_task(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in the order in which they are shown: those of a task together, tasks as they come first."""
    place = rows.groupby(["suite", "task"], sort=False).ngroup().to_numpy()
    return rows.iloc[place.argsort(kind="stable")]


def variance_table(summary: Summary) -> pd.DataFrame:
    """Return the rows of a report with the shares of their variance, and what would decide those that are open."""
    return summary.rows[list(VARIANCE_COLUMNS)]
