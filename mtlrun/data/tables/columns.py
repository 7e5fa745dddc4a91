"""The columns of a table: what each holds, as numbers.

Shape letter: N rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from mtlrun.counted import counted
from mtlrun.data.same import Same
from mtlrun.data.splits import read_only
from mtlrun.data.tables.reading import File, read
from mtlrun.errors import ConfigError, Fault

TYPES = ("number", "category", "boolean", "date")
DAY_US = 86_400 * 10**6
LARGEST = 1e100  # numbers beyond it, squared and summed, are soon no numbers

Types = tuple[tuple[str, str], ...]
"""By column what it holds, where that is not to be inferred: an entry of `TYPES`, or a form of dates as %d.%m.%Y."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column.

    Attributes:
        name: of it.
        kind: an entry of `TYPES`; `empty` where every value is missing, `other` for what is neither input nor target.
        values: float64 (N,), NaN where missing: a number; 0 or 1; a class number; days since 1970-01-01.
        classes: of a category, sorted.
        stored: what the file says it is.
    """

    name: str
    kind: str
    values: np.ndarray
    classes: tuple[str, ...] = ()
    stored: str = ""

    @cached_property
    def missing(self) -> int:
        """Return in how many rows there is no value."""
        return int(np.isnan(self.values).sum())

    @cached_property
    def too_large(self) -> int | None:
        """Return the first row, from 1, with a number that is infinite or over `LARGEST` in size; None for none."""
        found = np.flatnonzero(np.abs(self.values) > LARGEST)
        return int(found[0]) + 1 if len(found) else None

    @cached_property
    def digest(self) -> str:
        """Return what tells the content, however the file is written: 16 hex digits."""
        found = hashlib.sha256(repr([self.kind, self.classes, len(self.values)]).encode())
        found.update(np.where(np.isnan(self.values), np.nan, self.values + 0.0).tobytes())  # -0.0 is 0.0
        return found.hexdigest()[:16]


def names(file: File) -> tuple[str, ...]:
    """Return the names of a table's columns."""
    return tuple(read(file).column_names)


def column(file: File, name: str, asked: Types = (), key: str = "path") -> Column:
    """Return a column, the same object as long as the file does not change.

    Args:
        file: with the table.
        name: of the column.
        asked: what columns hold, where it is not to be inferred.
        key: of the setting that names the column.

    Raises:
        ConfigError: there is no such column, or it does not hold what was asked for.
    """
    table = read(file)
    if name not in table.column_names:
        raise ConfigError([Fault(key, "must name columns of the table", name, tuple(table.column_names))])
    return _column(Same(table), name, dict(asked).get(name))


@lru_cache(maxsize=4096)
def _column(table: Same[pa.Table], name: str, asked: str | None) -> Column:
    values = table.it.column(name)
    stored = values.type
    if types.is_dictionary(stored):
        values = pc.cast(values, stored.value_type)
    if str(values.type) == "string_view":
        values = values.cast(pa.string())
    if asked is not None and asked not in TYPES:
        return _dates_of_text(name, values, asked)
    kind = asked or _kind(name, values)
    if values.null_count == len(values):
        return Column(name, "empty", _frozen(np.full(len(values), np.nan)), (), str(stored))
    if kind == "category":
        codes, classes = _codes(values)
        return Column(name, kind, codes, classes, str(stored))
    if kind == "date":
        return Column(name, kind, _days(name, values), (), str(stored))
    if kind == "other":
        return Column(name, kind, _frozen(np.full(len(values), np.nan)), (), str(stored))
    return Column(name, kind, _numbers(name, values, kind), (), str(stored))


def _kind(name: str, values: pa.ChunkedArray) -> str:
    """Return what a column holds, by its type in the file.

    Raises:
        ConfigError: it holds text where numbers belong.
    """
    found = values.type
    if types.is_boolean(found):
        return "boolean"
    if types.is_integer(found) or types.is_floating(found) or types.is_decimal(found):
        return "number"
    if types.is_temporal(found):
        return "date" if types.is_date(found) or types.is_timestamp(found) else "number"
    if not (types.is_string(found) or types.is_large_string(found)):
        return "empty" if types.is_null(found) else "other"
    _check_no_numbers(name, values)
    return "category"


def _check_no_numbers(name: str, values: pa.ChunkedArray) -> None:
    """Raise where most of the values of a column of text are numbers."""
    seen = pc.unique(values).drop_null().to_pandas()[:2000].str.strip()
    plain = pd.to_numeric(seen, errors="coerce").notna().to_numpy(dtype=bool)
    comma = pd.to_numeric(seen.str.replace(",", "."), errors="coerce").notna().to_numpy(dtype=bool)
    if not len(seen) or max(plain.mean(), comma.mean()) <= 0.5:
        return
    ways = f"correct it, or say suite.types={{{name}: category}}"
    if comma.mean() > plain.mean() and comma.all():
        rule = (
            f"does not fit column {name}, which looks like numbers with a decimal comma: say suite.decimal=comma, "
            "or take commas out that part thousands"
        )
        raise ConfigError([Fault("decimal", rule, seen.iloc[0])])
    if plain.all():
        rule = f"must say whether column {name}, text made of figures, is a number or a category"
        raise ConfigError([Fault("types", rule)])
    bad = seen[~plain].iloc[0]
    text = values.to_pandas().str.strip()
    rows = np.flatnonzero((text == bad).to_numpy(dtype=bool))
    more = f" and {counted(len(rows) - 1, 'other')}" if len(rows) > 1 else ""
    rule = f"has text where numbers belong, in column {name} in row {rows[0] + 1}{more}; {ways}"
    raise ConfigError([Fault("path", rule, bad)])


def _codes(values: pa.ChunkedArray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return class numbers (N,) and the classes, sorted: numbers as numbers."""
    found = values.to_pandas()
    codes, classes = pd.factorize(found, sort=True)
    told = tuple(_plain(value) for value in classes)
    return _frozen(np.where(codes < 0, np.nan, codes.astype(np.float64))), told


def _plain(value: object) -> str:
    """Return a class as it is written: 3 for 3.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _numbers(name: str, values: pa.ChunkedArray, kind: str) -> np.ndarray:
    of_time = types.is_time(values.type) or types.is_duration(values.type)
    if of_time:
        exact = pa.time64("us") if types.is_time(values.type) else pa.duration("us")
        values = pc.cast(pc.cast(values, exact, safe=False), pa.int64())
    try:
        found = values if types.is_boolean(values.type) else pc.cast(values, pa.float64(), safe=False)
        numbers = found.to_pandas().to_numpy(dtype=np.float64, na_value=np.nan)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise ConfigError([_no_number(name, values, kind)]) from error
    if kind == "boolean" and not np.isin(numbers[~np.isnan(numbers)], (0.0, 1.0)).all():
        raise ConfigError([Fault("types", f"must have 0 and 1, or true and false, in column {name}", kind)])
    return _frozen(numbers / 1e6 if of_time else numbers)  # seconds


def _no_number(name: str, values: pa.ChunkedArray, kind: str) -> Fault:
    """Return what to say of a column that is to hold numbers and holds something else: the first such row."""
    rule = f"cannot make column {name} into a {kind}"
    found = values.to_pandas()
    bad = np.flatnonzero(found.notna() & pd.to_numeric(found, errors="coerce").isna())
    if not len(bad):
        return Fault("types", rule, str(values.type))
    return Fault("types", f"{rule}, because of row {bad[0] + 1}", found.iloc[bad[0]])


def _days(name: str, values: pa.ChunkedArray) -> np.ndarray:
    try:
        microseconds = pc.cast(pc.cast(values, pa.timestamp("us"), safe=False), pa.int64())
    except pa.ArrowException as error:
        rule = f"cannot read column {name} as dates; say how they are written, as {{{name}: '%d.%m.%Y'}}"
        raise ConfigError([Fault("types", rule, "date")]) from error
    return _frozen(microseconds.to_pandas().to_numpy(dtype=np.float64, na_value=np.nan) / DAY_US)


def _dates_of_text(name: str, values: pa.ChunkedArray, form: str) -> Column:
    text = pc.cast(values, pa.string()).to_pandas()
    try:
        found = pd.to_datetime(text, format=form)
    except (ValueError, TypeError) as error:
        rule = f"does not fit column {name}: {str(error).partition('.')[0]}"
        raise ConfigError([Fault("types", rule, form)]) from error
    days = (found - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return Column(
        name, "date", _frozen(days.to_numpy(dtype=np.float64, na_value=np.nan)), (), str(values.type)
    )


def _frozen(values: np.ndarray) -> np.ndarray:
    return read_only(np.ascontiguousarray(values))
