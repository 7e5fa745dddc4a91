"""Stored values of a column as numbers: which kind they are, and what keeps them from being numbers or dates.

Shape letter: N rows.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from mtlrun.data.splits import read_only
from mtlrun.errors import ConfigError, Fault
from mtlrun.text.pluralize import pluralize

DAY_US = 86_400 * 10**6


def kind_of(name: str, values: pa.ChunkedArray) -> str:
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
    stored = pc.unique(values).drop_null().to_pandas()[:2000]
    seen = stored.str.strip()
    plain = pd.to_numeric(seen, errors="coerce").notna().to_numpy(dtype=bool)
    comma = pd.to_numeric(seen.str.replace(",", "."), errors="coerce").notna().to_numpy(dtype=bool)
    if not len(seen) or max(plain.mean(), comma.mean()) <= 0.5:
        return
    if comma.mean() > plain.mean() and comma.all():
        rule = (
            f"does not fit column {name}, which looks like numbers with a decimal comma: say suite.decimal=comma, "
            "or take commas out that part thousands"
        )
        raise ConfigError([Fault("decimal", rule, seen.iloc[0])])
    if plain.all():
        rule = f"must say whether column {name}, text made of figures, is a number or a category"
        raise ConfigError([Fault("types", rule)])
    strange = stored[~plain].iloc[0]
    bad = strange.strip()
    text = values.to_pandas().str.strip()
    rows = np.flatnonzero((text == bad).to_numpy(dtype=bool))
    more = f" and {pluralize(len(rows) - 1, 'other')}" if len(rows) > 1 else ""
    ways = (
        f"correct it, or say suite.types={{{name}: category}}, or {missing_setting(strange)} if it is missing"
    )
    rule = f"has text where numbers belong, in column {name} in row {rows[0] + 1}{more}; {ways}"
    raise ConfigError([Fault("path", rule, bad)])


def missing_setting(word: str) -> str:
    """Return the setting by which a word counts as missing, as a shell takes it."""
    return f"'suite.missing=[{json.dumps(word, ensure_ascii=False)}]'"


def codes_of(values: pa.ChunkedArray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return class numbers (N,) and the classes, sorted: numbers as numbers."""
    found = values.to_pandas()
    codes, classes = pd.factorize(found, sort=True)
    told = tuple(_plain(value) for value in classes)
    return frozen(np.where(codes < 0, np.nan, codes.astype(np.float64))), told


def _plain(value: object) -> str:
    """Return a class as it is written: 3 for 3.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def numbers_of(name: str, values: pa.ChunkedArray, kind: str) -> np.ndarray:
    """Return numbers (N,), 0 and 1, or seconds of a time, as float64, NaN where missing.

    Raises:
        ConfigError: a value is none.
    """
    of_time = types.is_time(values.type) or types.is_duration(values.type)
    if of_time:
        exact = pa.time64("us") if types.is_time(values.type) else pa.duration("us")
        values = pc.cast(pc.cast(values, exact, safe=False), pa.int64())
    try:
        numbers = pc.cast(values, pa.float64(), safe=False).to_numpy()
    except pa.ArrowException as error:
        raise ConfigError([_no_number(name, values, kind)]) from error
    if kind == "boolean" and not np.isin(numbers[~np.isnan(numbers)], (0.0, 1.0)).all():
        raise ConfigError([Fault("types", f"must have 0 and 1, or true and false, in column {name}", kind)])
    return frozen(numbers / 1e6 if of_time else numbers)  # seconds


def _no_number(name: str, values: pa.ChunkedArray, kind: str) -> Fault:
    """Return what to say of a column that is to hold numbers and holds something else: the first such row."""
    rule = f"cannot make column {name} into a {kind}"
    found = values.to_pandas()
    bad = np.flatnonzero(found.notna() & pd.to_numeric(found, errors="coerce").isna())
    if not len(bad):
        return Fault("types", rule, str(values.type))
    return Fault("types", f"{rule}, because of row {bad[0] + 1}", found.iloc[bad[0]])


def days_of(name: str, values: pa.ChunkedArray) -> np.ndarray:
    """Return days since 1970-01-01 (N,), NaN where missing.

    Raises:
        ConfigError: the values are no dates.
    """
    try:
        microseconds = pc.cast(pc.cast(values, pa.timestamp("us"), safe=False), pa.int64())
    except pa.ArrowException as error:
        rule = f"cannot read column {name} as dates; say how they are written, as {{{name}: '%d.%m.%Y'}}"
        raise ConfigError([Fault("types", rule, "date")]) from error
    return frozen(microseconds.to_pandas().to_numpy(dtype=np.float64, na_value=np.nan) / DAY_US)


def dates_of_text(name: str, values: pa.ChunkedArray, form: str) -> np.ndarray:
    """Return days since 1970-01-01 (N,) of text that is written in a form, as %d.%m.%Y.

    Raises:
        ConfigError: a row is not.
    """
    text = pc.cast(values, pa.string()).to_pandas()
    try:
        found = pd.to_datetime(text, format=form)
    except (ValueError, TypeError) as error:
        rule = f"does not fit column {name}: {str(error).partition('.')[0]}"
        raise ConfigError([Fault("types", rule, form)]) from error
    days = (found - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return frozen(days.to_numpy(dtype=np.float64, na_value=np.nan))


def frozen(values: np.ndarray) -> np.ndarray:
    """Return values in one piece that cannot be written."""
    return read_only(np.ascontiguousarray(values))
