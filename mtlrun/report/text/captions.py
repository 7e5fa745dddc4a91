"""What stands under a picture: what it shows, of which metric and how many seeds, and what the verdicts are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.report.text.about import about
from mtlrun.text.pluralize import pluralize, some_of

if TYPE_CHECKING:
    import pandas as pd


def caption(rows: pd.DataFrame, shows: str, verdicts: bool = True) -> str:
    """Return as "Mean gain with 95 % interval; accuracy (higher is better); 20 seeds. Verdicts are about ...".

    Args:
        rows: of the report that is drawn.
        shows: what the picture shows.
        verdicts: whether it shows gains, which are about something.
    """
    first = "; ".join(filter(None, [shows, metrics_of(rows), seeds_of(rows)]))
    return f"{first}. {about(rows) if verdicts else ''}".strip()


def metrics_of(rows: pd.DataFrame) -> str:
    """Return as "accuracy (higher is better), rmse (lower is better)"."""
    known = rows[["metric", "direction"]].drop_duplicates()
    return some_of([f"{m} ({d} is better)" for m, d in known.itertuples(index=False)], 3)


def seeds_of(rows: pd.DataFrame) -> str:
    """Return as "20 seeds", or "5 to 20 seeds" where rows differ."""
    counts = rows["n_seeds"][rows["n_seeds"] > 0]
    if counts.empty:
        return ""
    low, high = int(counts.min()), int(counts.max())
    return pluralize(high, "seed") if low == high else f"{low:,} to {high:,} seeds"
