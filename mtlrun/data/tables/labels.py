"""Columns of a table as targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from mtlrun.data.tables.columns import Column
from mtlrun.data.targets import MOST_CLASSES, Labels, Target, assembled
from mtlrun.errors import ConfigError, Fault

ROWS_PER_CLASS = 10  # whole numbers of which each value has fewer rows, on average, are amounts


@lru_cache(maxsize=1024)
def target(columns: tuple[Column, ...], kind: str | None) -> Target:
    """Return the target that some columns make, as `mtlrun.data.targets.assembled` says.

    Raises:
        ConfigError: they make none; keys are `targets` and `kinds`.
    """
    return assembled([_labels(column, kind) for column in columns], [c.name for c in columns], kind)


def classes_of(column: Column, kind: str | None) -> tuple[str, ...] | None:
    """Return the names of a column's classes; None where it holds amounts.

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
    if np.isinf(column.values).any():
        row = int(np.flatnonzero(np.isinf(column.values))[0]) + 1
        raise ConfigError([Fault("targets", f"must be finite, and column {column.name} is not in row {row}")])
    classes = classes_of(column, kind)
    if classes is None:
        return column.values, None
    if column.kind == "category" and kind == "regression":
        rule = f"cannot make the classes of column {column.name} into amounts"
        raise ConfigError([Fault("kinds", rule, kind)])
    if len(classes) == 1:
        rule = f"must have two classes or more, and column {column.name} has one"
        raise ConfigError([Fault("targets", rule, classes[0])])
    if column.kind in ("category", "boolean"):
        return column.values, classes
    there = ~np.isnan(column.values)
    codes = np.full(len(there), np.nan)
    codes[there] = np.unique(column.values[there], return_inverse=True)[1].reshape(-1)
    return codes, classes


def label_faults(
    key: str, found: Target, classes: Sequence[str] | None, rows: Mapping[str, np.ndarray]
) -> Iterator[Fault]:
    """Yield what keeps a task from being trained or judged.

    Args:
        key: of the faults.
        found: the target.
        classes: names of its classes, where it has any.
        rows: of each part.
    """
    seen = {role: _there(found, part) for role, part in rows.items()}
    for role, values in seen.items():
        if not len(values):
            yield Fault(key, f"has no value in the {role} part, in any of its {len(rows[role])} rows")
    if found.kind == "regression" and len(seen["train"]) and not _differs(seen["train"]):
        yield Fault(
            key, "must differ between rows, and is in all of the training part", seen["train"].flat[0]
        )
    if found.kind not in ("multiclass", "binary") or not len(seen["train"]):
        return
    names = classes or ()
    known = np.unique(seen["train"])
    if len(known) == 1:
        rule = "must have more than one class in the training part, and has one"
        yield Fault(key, rule, names[int(known[0])])
    for role in ("val", "test"):
        strange = np.setdiff1d(seen[role], known)
        if len(strange):
            rule = (
                f"has classes in the {role} part that training lacks (leave out rare classes, or join them)"
            )
            yield Fault(key, rule, [names[int(c)] for c in strange[:10]])


def _there(found: Target, rows: np.ndarray) -> np.ndarray:
    """Return the labels of some rows that are there, (n, ...)."""
    values = found.values[rows]
    return values[values >= 0] if found.kind == "multiclass" else values[~np.isnan(values).all(1)]


def _differs(values: np.ndarray) -> bool:
    """Say whether every column of amounts (n, K) has two values."""
    return bool((np.nanmax(values, axis=0) > np.nanmin(values, axis=0)).all())
