"""NumPy, pandas, torch and lists as arrays of numbers, of true and false, or of text, of which "" is missing.

torch is looked for, never imported: what reads data starts without it.

Shape letters: N rows, D numbers of an example, K columns of a target.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mtlrun.errors import ConfigError, Fault

KINDS = "must hold numbers, true and false, or text, all of one kind (turn dates into numbers)"
MOST_CATEGORIES = 100  # kinds of text of a column of inputs, as of a table's


def array_of(key: str, value: Any) -> np.ndarray:
    """Return numbers, true and false, or text, as (N,) or of the shape that they have.

    Args:
        key: of the fault.
        value: an array, a tensor, a Series, a DataFrame of columns of one kind, or a list.

    Raises:
        ConfigError: it holds something else.
    """
    if isinstance(value, pd.DataFrame):
        return _stacked(key, [_column(f"{key}[{name}]", value[name]) for name in _names(key, value)])
    if isinstance(value, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return _column(key, pd.Series(value))
    found = _numpy(value)
    if found is None:
        rule = "must be a NumPy array, a pandas object, a tensor, or a list without gaps"
        raise ConfigError([Fault(key, rule, type(value).__name__)])
    if found.dtype.kind not in "buifUSO" or (found.dtype.kind == "O" and found.ndim not in (1, 2)):
        raise ConfigError([Fault(key, KINDS, f"{found.dtype} {found.shape}")])
    if found.dtype.kind != "O":
        return found
    if found.ndim == 1:
        return _column(key, pd.Series(found, dtype=object))
    columns = [_column(f"{key}[{k}]", pd.Series(found[:, k], dtype=object)) for k in range(found.shape[1])]
    return _stacked(key, columns)


def input_matrix(key: str, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (N, D) of a frame, and which of them tell a category, int64.

    Numbers, true and false are taken as they are, and come first. A column of text makes a number for each category,
    1 where a row has it, and one more for rows without any.

    Raises:
        ConfigError: every column that cannot be an input, by name.
    """
    numbers, categories, faults = list[np.ndarray](), list[np.ndarray](), list[Fault]()
    for name in _names(key, frame):
        try:
            values = _column(f"{key}[{name}]", frame[name])
        except ConfigError as error:
            faults += [fault for fault in error.faults if isinstance(fault, Fault)]
            continue
        if values.dtype.kind in "US":
            kinds = np.unique(values)
            if len(kinds) > MOST_CATEGORIES:
                rule = f"has more than {MOST_CATEGORIES} kinds of text: leave the column out, or make numbers of it"
                faults.append(Fault(f"{key}[{name}]", rule, len(kinds)))
            order = sorted(kinds.tolist(), key=lambda kind: (not kind, kind))  # "" last
            categories += [np.equal(values, kind).astype(np.float64) for kind in order]
            continue
        gaps = np.flatnonzero(values != values)  # NaN
        if len(gaps):
            rule = f"must have a number in every row, and has none in {len(gaps)}, as {gaps[0]}"
            faults.append(Fault(f"{key}[{name}]", f"{rule}: fill gaps first (suite=table does so)"))
        numbers.append(values.astype(np.float64))
    if faults:
        raise ConfigError(faults)
    found = np.stack([*numbers, *categories], 1) if numbers or categories else np.empty((len(frame), 0))
    return found, np.arange(len(numbers), found.shape[1])


def _names(key: str, frame: pd.DataFrame) -> Sequence[Any]:
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ConfigError(
            [Fault(key, "must have a name of its own for each column, and has twice", twice[0])]
        )
    return list(frame.columns)


def _numpy(value: Any) -> np.ndarray | None:
    """Return an array of what is one or can become one, of a tensor or a list; None of anything else."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        plain = value.detach().to("cpu")
        return np.asarray(plain.float() if plain.dtype == torch.bfloat16 else plain)
    if isinstance(value, np.ma.MaskedArray):
        found = np.array(value.data, dtype=object)
        found[np.ma.getmaskarray(value)] = None
        return found
    if isinstance(value, list | tuple):
        try:
            found = np.array(value, dtype=object)
        except ValueError:  # rows of several lengths
            return None
        return found if found.ndim in (1, 2) else np.asarray(value)
    return np.asarray(value) if hasattr(value, "__array__") and not isinstance(value, type) else None


def _column(key: str, values: pd.Series) -> np.ndarray:
    """Return one column (N,): true and false without gaps, float64 with NaN for gaps, or text with "" for gaps.

    Raises:
        ConfigError: it holds dates, or things of several kinds.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype if values.notna().all() else object)
    there = values[values.notna()]
    if pd.api.types.is_bool_dtype(values.dtype) or (len(there) and there.map(_is_bool).all()):
        if len(there) == len(values):
            return values.to_numpy(dtype=bool)
        gaps = values.isna().to_numpy()
        return np.array(["" if gap else str(bool(v)).lower() for v, gap in zip(values, gaps, strict=True)])
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_complex_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if there.map(_is_number).all() and values.dtype == object:
        return np.array([float(v) if _is_number(v) else np.nan for v in values], dtype=np.float64)
    if there.map(lambda v: isinstance(v, str)).all():
        return values.where(values.notna(), "").to_numpy(dtype=str)
    kinds = sorted({type(v).__name__ for v in there})
    raise ConfigError([Fault(key, KINDS, ", ".join(kinds[:5]))])


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not _is_bool(value)


def _stacked(key: str, columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return columns as (N, K); one column as (N,).

    Raises:
        ConfigError: some are text, others are not.
    """
    if not columns:
        raise ConfigError([Fault(key, "must have a column", 0)])
    if any(column.dtype.kind == "U" for column in columns):  # true and false with gaps are text
        columns = [np.where(c, "true", "false") if c.dtype == bool else c for c in columns]
    if len({column.dtype.kind == "U" for column in columns}) > 1:
        raise ConfigError([Fault(key, "must have columns of one kind: numbers, or text")])
    return columns[0] if len(columns) == 1 else np.stack(columns, 1)
