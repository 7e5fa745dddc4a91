"""CSV and Parquet: one table, the same columns as in JSON."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.named_columns import chosen_frame, ordered_table
from mtlrun.report.tables import flat
from mtlrun.text.spreadsheet import harmless

if TYPE_CHECKING:
    import pandas as pd


def to_csv(summary: Summary, level: str = "rows", columns: Sequence[str] = ()) -> str:
    """Return one table as CSV, with all its columns or with those that are named; missing values are empty.

    Text that a spreadsheet would run as a formula gets a `'` in front. Numbers stay numbers.

    Raises:
        ConfigError: there is no such level or column.
    """
    frame = _frame(summary, level, columns)
    for name in frame.select_dtypes(exclude="number"):
        frame[name] = frame[name].astype(object).map(harmless)
    return frame.to_csv(index=False)


def to_parquet(summary: Summary, level: str = "rows", columns: Sequence[str] = ()) -> bytes:
    """Return one table as a Parquet file, with all its columns or with those that are named; missing values are null.

    Raises:
        ConfigError: there is no such level or column.
    """
    buffer = io.BytesIO()
    _typed(_frame(summary, level, columns)).to_parquet(buffer, index=False)
    return buffer.getvalue()


def _frame(summary: Summary, level: str, columns: Sequence[str]) -> pd.DataFrame:
    found = ordered_table(summary, level)
    return flat(chosen_frame(found, columns) if columns else found)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give columns of text the same type whether or not any value is there."""
    texts = [name for name in frame.columns if frame[name].dtype == object]
    return frame.astype(dict.fromkeys(texts, "string"))
