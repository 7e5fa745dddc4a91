"""Columns of a data set of the Hub as targets of tasks. Shape letter: N rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from mtlrun.data.hub.reading.origin import Origin, column, features
from mtlrun.data.splits import read_only
from mtlrun.data.targets import KINDS, MOST_CLASSES, Target, assembled, standardised
from mtlrun.errors import ConfigError, Fault

__all__ = ["KINDS", "MOST_CLASSES", "Target", "class_codes", "member_target", "standardised", "target"]


@cache
def target(origin: Origin, names: tuple[str, ...], kind: str | None) -> Target:
    """Return the target that some columns make: several together are labels or amounts.

    Args:
        origin: of the data set.
        names: of the columns.
        kind: where it is not to be inferred. Classes, text, true and false, and whole numbers of at most
            `MOST_CLASSES` values are classes; two classes make a binary target. Other numbers are amounts.

    Raises:
        ConfigError: the columns are no target; the key is a suite's `targets`.
    """
    return assembled([_classes_or_amounts(origin, name, kind) for name in names], names, kind)


@cache
def member_target(origin: Origin, name: str, members: tuple[str, ...]) -> Target:
    """Return the binary target that is 1 where a column has one of some classes, named as text.

    Raises:
        ConfigError: the column has no such classes; the key is a suite's `groups`.
    """
    values, classes = _classes_or_amounts(origin, name, "multiclass")
    known = [str(c) for c in classes or ()]
    unknown = [member for member in members if member not in known]
    if unknown:
        rule = f"must list classes of column {name}"
        raise ConfigError([Fault("groups", rule, member, tuple(known)) for member in unknown])
    chosen = np.isin(values, [known.index(member) for member in members]).astype(np.float32)
    there = ~np.isnan(values)
    labels = np.where(there, chosen, np.nan).astype(np.float32)[:, None]
    return Target("binary", 1, read_only(labels), not there.all())


@cache
def class_codes(origin: Origin, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the class of every row, int64 (N,), -1 where there is none, and the names of the classes.

    Raises:
        ConfigError: the column does not hold classes; the key is `targets`.
    """
    values, classes = _classes_or_amounts(origin, name, "multiclass")
    codes = np.where(np.isnan(values), -1, values).astype(np.int64)
    return read_only(codes), tuple(str(c) for c in classes or ())


def _classes_or_amounts(origin: Origin, name: str, kind: str | None) -> tuple[np.ndarray, list[Any] | None]:
    """Return a column as float64 (N,), NaN where missing: class numbers, with the classes, or amounts, with None."""
    known = features(origin)
    if name not in known:
        raise ConfigError([Fault("targets", "must name columns of the data", name, tuple(known))])
    feature = known[name]
    if getattr(feature, "_type", None) == "ClassLabel":
        codes = column(origin, name).to_pandas().to_numpy(dtype=np.float64, na_value=np.nan)
        if kind == "regression":
            raise ConfigError([Fault("kinds", f"cannot make classes of column {name} into amounts", kind)])
        return np.where(codes < 0, np.nan, codes), list(feature.names)  # -1 is the Hub's mark for no label
    dtype = getattr(feature, "dtype", "") if getattr(feature, "_type", None) == "Value" else ""
    if dtype != "bool" and not dtype.startswith(("string", "large_string", "int", "uint", "float", "double")):
        rule = "must name columns of classes, text, numbers, or true and false"
        raise ConfigError([Fault("targets", rule, f"{name}: {feature}")])
    values = column(origin, name).to_pandas()
    text_or_bool = dtype == "bool" or "string" in dtype
    few = "int" in dtype and values.nunique() <= MOST_CLASSES
    if text_or_bool or kind in ("multiclass", "binary", "multilabel") or (few and kind is None):
        if text_or_bool and kind == "regression":
            raise ConfigError([Fault("kinds", f"cannot make classes of column {name} into amounts", kind)])
        codes, classes = pd.factorize(values, sort=True)
        return np.where(codes < 0, np.nan, codes.astype(np.float64)), [_plain(c) for c in classes]
    amounts = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(amounts).any():
        raise ConfigError([Fault("targets", f"must have finite numbers in column {name}")])
    return amounts, None


def _plain(value: Any) -> Any:
    """Return a class as it is written: 3 for 3.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
