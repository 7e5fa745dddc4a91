"""A summary's tables by level, narrowed by filters, and as plain values for files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Set
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.pairs.layout import LABELS
from mtlrun.report.analysis.summary import DEFERRED, Summary, changed, later
from mtlrun.report.levels import CELLS, COLUMNS, LEVELS, MEMBERS, POINTS, ROWS, SETTINGS, load
from mtlrun.report.setting_text import setting_text

if TYPE_CHECKING:
    import pandas as pd

_OF_TASKS = ("suite", "task", "kind", "metric", "direction")
_OF_FRONTS = ("suite", "sharing")
FILTERS = (*LABELS, *_OF_TASKS[1:])


def table(summary: Summary, level: str) -> pd.DataFrame:
    """Return one of the tables of `LEVELS`.

    Raises:
        ConfigError: there is no such level.
    """
    if level not in LEVELS:
        raise ConfigError([Fault("--level", "must name a table", level, list(LEVELS))])
    entry = LEVELS[level]
    found: pd.DataFrame = getattr(summary, entry.field) if entry.field else load(entry.table)(summary)
    return found


def lacking(whole: Summary, shown: Summary, level: str) -> str:
    """Return why a table of a study, or of what filters leave `shown` of it, is empty; else an empty text."""
    if level == ROWS or len(table(shown, level)):
        return ""
    if len(table(whole, level)):
        return f"no row of `--level {level}` fits `--filter`"
    return f"the study {LEVELS[level].lacking or f'has nothing for `--level {level}` yet'}"


def filtered(summary: Summary, filters: Mapping[str, str]) -> Summary:
    """Return the summary with only what fits all filters, each a column and its value.

    Columns are the labels, `task`, `kind`, `metric`, `direction` and the settings in `hyper`. Statistics are as
    they were: a filter never shrinks the family that p values were adjusted in.

    Raises:
        ConfigError: an unknown column, or a value that no row has.
    """
    if not filters:
        return summary
    rows = summary.rows
    faults = []
    filters = {_full_name(rows, column): value for column, value in filters.items()}
    for column, value in filters.items():
        known = sorted({text for text in _texts(rows, column) if text is not None})
        if not known:
            columns = [*FILTERS, *sorted({key for hyper in rows["hyper"] for key in hyper})]
            faults.append(Fault("--filter", "must name a column", column, columns))
        elif value not in known:
            faults.append(Fault(f"--filter {column}", "must be a value that some row has", value, known))
    if faults:
        raise ConfigError(faults)
    kept = _kept(rows, filters)
    if kept.empty:
        asked = " ".join(f"{column}={value}" for column, value in filters.items())
        raise ConfigError([f"no row fits all of `--filter` {asked}"])
    fields = {level.field: level.keep for level in LEVELS.values() if level.field}
    cells = set(kept["cell_id"])
    fields |= dict.fromkeys(("gaps", "conflicts"), MEMBERS)

    def narrowed(name: str) -> pd.DataFrame:
        return _KEEP[fields[name]](getattr(summary, name), filters, cells)

    changes: dict[str, Any] = {
        name: later(partial(narrowed, name)) if name in DEFERRED else narrowed(name) for name in fields
    }
    return changed(summary, **changes)


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: NaN, infinities and missing values as None, numpy's numbers as Python's."""
    import pandas as pd

    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or value is pd.NA:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with nested values as compact JSON text, as files of columns need it.

    Columns of numbers keep their types; infinities become missing.
    """
    result = frame.copy()
    for name in result:
        values = [plain(value) for value in result[name]] if result[name].dtype == object else []
        if any(isinstance(value, dict | list) for value in values) or name in ("hyper", "tuned"):
            texts = [None if value is None else json.dumps(value, sort_keys=True) for value in values]
            result[name] = np.array(texts, dtype=object)
    for name in result.select_dtypes("float"):
        result[name] = result[name].replace([np.inf, -np.inf], np.nan)
    return result


def _kept(frame: pd.DataFrame, filters: Mapping[str, str], cells: Set[str] = frozenset()) -> pd.DataFrame:
    keep = np.ones(len(frame), dtype=bool)
    for column, value in filters.items():
        keep &= np.array([text == value for text in _texts(frame, column)], dtype=bool)
    return frame[keep]


def _kept_settings(frame: pd.DataFrame, filters: Mapping[str, str], cells: Set[str]) -> pd.DataFrame:
    return _kept(frame, {name: value for name, value in filters.items() if name not in _OF_TASKS})


def _kept_cells(frame: pd.DataFrame, filters: Mapping[str, str], cells: Set[str]) -> pd.DataFrame:
    return frame[frame["cell_id"].isin(cells)]


def _kept_members(frame: pd.DataFrame, filters: Mapping[str, str], cells: Set[str]) -> pd.DataFrame:
    """Return what is of the cells, and of the named task alone or with a partner."""
    kept = frame[frame["cell_id"].isin(cells)]
    task = filters.get("task")
    return kept if task is None else kept[(kept["task"] == task) | (kept["partner"] == task)]


def _kept_points(points: pd.DataFrame, filters: Mapping[str, str], cells: Set[str]) -> pd.DataFrame:
    """Return what fits, with all points of the fronts of the same suites and sharing, which are no rows."""
    import pandas as pd

    wanted = {name: value for name, value in filters.items() if name != "task"}
    of_fronts = {name: value for name, value in filters.items() if name in _OF_FRONTS}
    is_point = points["on_front"].notna()
    kept = [_kept(points[is_point], of_fronts), _kept(points[~is_point], wanted)]
    return pd.concat([part for part in kept if len(part)] or [points[:0]])


def _full_name(rows: pd.DataFrame, column: str) -> str:
    """Return the setting that a table shows by the last part of its name; other names as they are."""
    keys = {key for hyper in rows["hyper"] for key in hyper}
    meant = [key for key in keys if key.rpartition(".")[2] == column]
    return meant[0] if column not in (*FILTERS, *keys) and len(meant) == 1 else column


def _texts(frame: pd.DataFrame, column: str) -> list[str | None]:
    """Return a filter column's values as text; None where a row's `hyper` does not have it."""
    if column in FILTERS:
        return [str(value) for value in frame[column]]
    return [setting_text(hyper[column]) if column in hyper else None for hyper in frame["hyper"]]


_KEEP: Mapping[str, Callable[[pd.DataFrame, Mapping[str, str], Set[str]], pd.DataFrame]] = {
    COLUMNS: _kept,
    SETTINGS: _kept_settings,
    CELLS: _kept_cells,
    POINTS: _kept_points,
    MEMBERS: _kept_members,
}
"""What is left of a table, by how filters narrow it: of the table, the filters, and the cells of the rows left."""
