"""A summary as people may see it: names without control characters, see `mtlrun.printable`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mtlrun.printable import printable_parts
from mtlrun.report.analysis.summary import DEFERRED, Summary, later

if TYPE_CHECKING:
    import pandas as pd


def printable_summary(summary: Summary) -> Summary:
    """Return a summary for output that people see: all but JSON and Parquet."""
    import pandas as pd

    changes: dict[str, Any] = {}
    for name, value in vars(summary).items():
        if isinstance(value, pd.DataFrame):
            changes[name] = _printable_table(value)
        elif name in DEFERRED:
            changes[name] = later(partial(_printable_field, summary, name))
        else:
            changes[name] = printable_parts(value)
    return replace(summary, **changes)


def _printable_field(summary: Summary, name: str) -> Any:
    import pandas as pd

    value = getattr(summary, name)
    return _printable_table(value) if isinstance(value, pd.DataFrame) else printable_parts(value)


def _printable_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the same types of columns."""
    import pandas as pd

    changes: dict[str, pd.Series] = {}
    for name in map(str, frame):
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            own = column.cat.categories
            new = [printable_parts(value) for value in own]
            if new != list(own):
                changes[name] = column.map(dict(zip(own, new, strict=True)))
        elif column.dtype == object or isinstance(column.dtype, pd.StringDtype):
            values = column.tolist()
            new = [printable_parts(value) for value in values]
            pairs = zip(new, values, strict=True)
            if any(one != other for one, other in pairs if isinstance(one, str | dict | list | tuple)):
                changes[name] = pd.Series(new, index=column.index, dtype=column.dtype)
    return frame.assign(**changes) if changes else frame
