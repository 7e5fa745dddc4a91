"""CSV and Parquet: one table, the same columns as in JSON."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.tables import flat, table
from mtlrun.spreadsheet import harmless

if TYPE_CHECKING:
    import pandas as pd


def to_csv(summary: Summary, level: str = "rows") -> str:
    """Return one table as CSV; missing values are empty.

    Text that a spreadsheet would run as a formula gets a `'` in front. Numbers stay numbers.

    Raises:
        ConfigError: there is no such level.
    """
    frame = flat(table(summary, level))
    for name in frame.select_dtypes(exclude="number"):
        frame[name] = frame[name].astype(object).map(harmless)
    return frame.to_csv(index=False)


def to_parquet(summary: Summary, level: str = "rows") -> bytes:
    """Return one table as a Parquet file; missing values are null.

    Raises:
        ConfigError: there is no such level.
    """
    buffer = io.BytesIO()
    _typed(flat(table(summary, level))).to_parquet(buffer, index=False)
    return buffer.getvalue()


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give columns of text the same type whether or not any value is there."""
    texts = [name for name in frame.columns if frame[name].dtype == object]
    return frame.astype(dict.fromkeys(texts, "string"))
