"""Columns of a table as targets."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mtlrun.data.tables.columns import LARGEST, Column
from mtlrun.data.tables.rare import Rare, without_rare
from mtlrun.data.targets import MOST_CLASSES, Labels, Target, assembled
from mtlrun.errors import ConfigError, Fault
from mtlrun.text.pluralize import pluralize

ROWS_PER_CLASS = 10  # whole numbers of which each value has fewer rows, on average, are amounts
KEEP = Rare()


@lru_cache(maxsize=1024)
def target(columns: tuple[Column, ...], kind: str | None, rare: Rare = KEEP) -> Target:
    """Return the target that some columns make, as `mtlrun.data.targets.assembled` says, without rare classes.

    Raises:
        ConfigError: they make none; keys are `targets` and `kinds`.
    """
    labels = [_labels(column, kind) for column in columns]
    if len(labels) == 1 and labels[0][1] is not None:
        codes, classes = without_rare(labels[0][0], labels[0][1], rare)
        if len(classes) < 2:
            rule = f"leaves {pluralize(len(classes), 'class', 'classes')} of column {columns[0].name}"
            raise ConfigError([Fault("rare", f"{rule}: lower suite.rare_below", rare.how)])
        labels = [(codes, classes)]
    return assembled(labels, [c.name for c in columns], kind)


def classes_of(column: Column, kind: str | None, rare: Rare = KEEP) -> tuple[str, ...] | None:
    """Return the names of a column's classes; None where it holds amounts."""
    found = _all_classes(column, kind)
    if found is None or rare.how == "keep":
        return found
    return without_rare(codes_of(column), found, rare)[1]


def codes_of(column: Column) -> np.ndarray:
    """Return class numbers (N,) of a column of classes, NaN where missing."""
    if column.kind in ("category", "boolean"):
        return column.values
    there = ~np.isnan(column.values)
    codes = np.full(len(there), np.nan)
    codes[there] = np.unique(column.values[there], return_inverse=True)[1].reshape(-1)
    return codes


@lru_cache(maxsize=1024)
def _all_classes(column: Column, kind: str | None) -> tuple[str, ...] | None:
    """Return the names of a column's classes, rare or not; None where it holds amounts.

    Text, true and false are classes, and so are whole numbers with at most `MOST_CLASSES` values and at least
    `ROWS_PER_CLASS` rows a value, unless `kind` says otherwise.
    """
    if column.kind == "category":
        return column.classes
    if column.kind == "boolean":
        return ("false", "true")
    there = column.values[~np.isnan(column.values)]
    values = np.unique(there)
    whole = bool((values == np.round(values)).all())
    few = whole and len(values) <= max(2, min(MOST_CLASSES, len(there) // ROWS_PER_CLASS))
    if kind == "regression" or (kind is None and not few):
        return None
    return tuple(str(int(v)) if float(v).is_integer() else repr(float(v)) for v in values)


def _labels(column: Column, kind: str | None) -> Labels:
    if column.kind == "empty":
        raise ConfigError([Fault("targets", f"has no value in any row of column {column.name}")])
    if column.kind in ("date", "other"):
        rule = "must name columns of classes, text, numbers, or true and false"
        raise ConfigError([Fault("targets", rule, f"{column.name}: {column.stored}")])
    if column.too_large:
        rule = (
            f"must be finite, within {LARGEST:g}, and column {column.name} is not in row {column.too_large}"
        )
        raise ConfigError([Fault("targets", rule)])
    classes = _all_classes(column, kind)
    if classes is None:
        return column.values, None
    if column.kind == "category" and kind == "regression":
        rule = f"cannot make the classes of column {column.name} into amounts"
        raise ConfigError([Fault("kinds", rule, kind)])
    if len(classes) == 1:
        rule = f"must have two classes or more, and column {column.name} has one"
        raise ConfigError([Fault("targets", rule, classes[0])])
    return codes_of(column), classes
