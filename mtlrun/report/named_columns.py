"""Columns as readers name them, for `--columns` and `--sort`: short names, columns of a table, settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.summary import Summary, changed
from mtlrun.report.levels import ROWS
from mtlrun.report.setting_text import setting_text
from mtlrun.report.tables import plain, table

if TYPE_CHECKING:
    import pandas as pd

SHORT = {
    "gain": ("gain_pct", "delta_m", "mean_gain", "d"),
    "STL": ("stl_mean",),
    "MTL": ("mtl_mean",),
    "seeds": ("n_seeds",),
}
"""Names of a table for people, and the columns that stand for them elsewhere: the first that a table has."""

_DESCENDING = ":desc"


class Order(NamedTuple):
    """By which column lines are sorted, and whether the largest comes first."""

    column: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Order:
        """Return what `gain` or `gain:desc` means."""
        return cls(text.removesuffix(_DESCENDING), text.endswith(_DESCENDING))


def known_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns that can be named of a table: its own, then settings that vary."""
    settings = {key for hyper in frame["hyper"] for key in hyper} if "hyper" in frame else set()
    return [*map(str, frame), *sorted(settings)]


def named_column(frame: pd.DataFrame, name: str) -> tuple[str, pd.Series] | None:
    """Return the full name and the values of a column; None where there is none of this name.

    Args:
        frame: one of the tables of a report.
        name: a column, a short name, or a setting of `hyper` with or without its group.
    """
    full = next((column for column in SHORT.get(name, ()) if column in frame), name)
    if full in frame:
        return full, frame[full]
    if "hyper" not in frame:
        return None
    keys = dict.fromkeys(key for hyper in frame["hyper"] for key in hyper)
    meant = [key for key in keys if name in (key, key.rpartition(".")[2])]
    if not meant:
        return None
    key = name if name in meant else meant[0]
    return key, frame["hyper"].map(lambda hyper: hyper.get(key))


def chosen_frame(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return a table with the named columns alone, in this order.

    Raises:
        ConfigError: there is no such column.
    """
    import pandas as pd

    found = {name: named_column(frame, name) for name in names}
    faults = [
        no_column("--columns", n, known_columns(frame)) for n, column in found.items() if column is None
    ]
    if faults:
        raise ConfigError(faults)
    return pd.DataFrame(dict(column for column in found.values() if column is not None), index=frame.index)


def sorted_frame(frame: pd.DataFrame, order: Order) -> pd.DataFrame:
    """Return a table sorted by a column, what is missing last; equal ones stay in their order.

    Gains without a percentage count by their difference.

    Raises:
        ConfigError: there is no such column.
    """
    import pandas as pd

    found = named_column(frame, order.column)
    if found is None:
        raise ConfigError([no_column("--sort", order.column, known_columns(frame))])
    name, values = found
    if name == "gain_pct" and "diff" in frame:
        values = values.fillna(frame["diff"])
    if not pd.api.types.is_numeric_dtype(values):
        keys = [_key(plain(value)) for value in values]
        ranks = {key: rank for rank, key in enumerate(sorted({key for key in keys if key is not None}))}
        values = pd.Series([float("nan") if k is None else float(ranks[k]) for k in keys], index=frame.index)
    ordered = values.sort_values(ascending=not order.descending, kind="stable", na_position="last")
    return frame.loc[ordered.index]


def sorted_summary(summary: Summary, level: str, sort: str | None) -> Summary:
    """Return a summary whose table `level` is sorted by a column, as `gain` or `gain:desc`.

    Raises:
        ConfigError: the rows have no such column; of other tables it is noticed when they are made.
    """
    if not sort:
        return summary
    rows = sorted_frame(summary.rows, Order.parse(sort)) if level == ROWS else summary.rows
    return changed(summary, rows=rows, sort=sort)


def ordered_table(summary: Summary, level: str) -> pd.DataFrame:
    """Return a table of a report, sorted as the summary says.

    Raises:
        ConfigError: there is no such level, or no such column to sort by.
    """
    found = table(summary, level)
    return sorted_frame(found, Order.parse(summary.sort)) if summary.sort else found


def no_column(option: str, name: str, known: Sequence[str]) -> Fault:
    """Return the fault of a name that is no column."""
    return Fault(option, "must name columns of the table", name, list(dict.fromkeys(known)))


def _key(value: Any) -> tuple[bool, float, str] | None:
    """Return what a value is sorted by: numbers by size, then texts; None for nothing."""
    if value is None:
        return None
    if isinstance(value, int | float):
        return False, float(value), ""
    return True, 0.0, setting_text(value)
