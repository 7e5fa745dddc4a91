"""A summary as people may see it: names without control characters, see `mtlrun.text.printable`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import DEFERRED, Summary, changed, later
from mtlrun.text.printable import printable_parts

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
    return changed(summary, **changes)


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
            new = _changed(column.cat.categories)
            if new:
                changes[name] = column.map({value: new.get(value, value) for value in column.cat.categories})
        elif column.dtype == object or isinstance(column.dtype, pd.StringDtype):
            values = column.tolist()
            new = _changed(
                {value if isinstance(value, str) else id(value): value for value in values}.values()
            )
            if new:
                shown = [new.get(value if isinstance(value, str) else id(value), value) for value in values]
                changes[name] = pd.Series(shown, index=column.index, dtype=column.dtype)
    return frame.assign(**changes) if changes else frame


def _changed(values: Iterable[Any]) -> dict[Any, Any]:
    """Return those that have to be shown in another way, and how: texts by themselves, others by their `id`."""
    found = {}
    for value in values:
        if isinstance(value, str | dict | list | tuple) and (new := printable_parts(value)) != value:
            found[value if isinstance(value, str) else id(value)] = new
    return found
