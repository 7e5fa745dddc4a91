"""Inputs that tell a target alone: by their values, by thresholds, by their order, or by where they have none.

Shape letters: n training rows that are looked at, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.tables.columns import Column
from mtlrun.data.tables.settings import TableSettings

LOOKED_AT = 20_000  # training rows, at most, in which an input that tells a target is looked for
LEAST = 20  # rows below which nothing can be said
LEAST_GAPS = 3  # rows with a gap, and without, below which where the gaps are is chance
ROWS_PER_VALUE = 5  # below it values nearly number the rows, so that they tell any target
TOLD = 3  # classes that are named
NEAR_ONE = 0.9999  # correlation that rounding leaves of 1


def leaks(suite: TableSettings, train: np.ndarray) -> Iterator[str]:
    """Yield inputs that tell a target of a selected task alone, target by target."""
    columns, rows = suite.columns(), IdentityKey(np.sort(train[:LOOKED_AT]))
    inputs = [columns.column(name) for name in suite.input_columns()]
    found: dict[tuple[str, str], list[str]] = {}
    targets = [(task, name) for task in suite.selected() for name in suite.columns_of(task)]
    amounts = {task: suite.target_of(task).kind == "regression" for task in suite.selected()}
    for column in inputs:  # each is sorted once for all targets
        for task, name in targets:
            target = columns.column(name)
            if determines(column, target, rows, amounts[task]):
                told = f"column {column.name} alone tells {name}, the target of {task}, in every training row"
                told += " looked at"
            elif gaps_tell(column, target, rows, amounts[task]):
                what = _in_gaps(column, target, rows, amounts[task])
                told = (
                    f"column {column.name} is empty in just those training rows looked at in which {name}, the "
                    f"target of {task}, is {what}, and gaps are inputs too"
                )
            else:
                continue
            found.setdefault((task, name), []).append(
                f"{told}: if it is not known before the target is, say suite.ignored=[{column.name}]"
            )
    for place in targets:
        yield from found.get(place, ())


def _in_gaps(column: Column, target: Column, rows: IdentityKey[np.ndarray], amounts: bool) -> str:
    """Return in words what a target is where a column has no value."""
    values = target.values[_ordered(column, rows).gaps]
    values = np.unique(values[~np.isnan(values)])
    if amounts:
        return f"{values[0]:g}" if len(values) == 1 else f"from {values[0]:g} to {values[-1]:g}"
    names = [target.classes[int(v)] if target.classes else f"{v:g}" for v in values[:TOLD]]
    return " or ".join(map(repr, names)) + (" or another" if len(values) > TOLD else "")


class _Ordered(NamedTuple):
    """Values of a column that are there, ascending, with their rows, and the rows of its gaps."""

    values: np.ndarray
    rows: np.ndarray
    gaps: np.ndarray


@lru_cache(maxsize=4)
def _ordered(column: Column, rows: IdentityKey[np.ndarray]) -> _Ordered:
    values = column.values[rows.it]
    order = np.argsort(values, kind="stable")  # gaps last
    count = len(values) - int(np.isnan(values).sum())
    places = rows.it[order]
    return _Ordered(values[order[:count]], places[:count], places[count:])


def determines(column: Column, target: Column, train: IdentityKey[np.ndarray], amounts: bool) -> bool:
    """Say whether the values of an input tell a target in each row that has both.

    Args:
        column: the input.
        target: numbers, or class numbers.
        train: rows that are looked at.
        amounts: whether the target is a number.
    """
    x, rows, _ = _ordered(column, train)
    y = target.values[rows]
    if target.missing:
        x, y = x[~np.isnan(y)], y[~np.isnan(y)]
    if len(x) < LEAST or x[0] == x[-1] or y.min() == y.max():
        return False
    starts = np.flatnonzero(np.concatenate(([True], x[1:] > x[:-1])))
    few = len(starts) * ROWS_PER_VALUE <= len(x)
    if few and bool((np.minimum.reduceat(y, starts) == np.maximum.reduceat(y, starts)).all()):
        return True
    if column.kind == "category":
        return False
    if not amounts:
        return _are_intervals(x, y)
    if abs(_correlation(x, y)) > NEAR_ONE:
        return True
    counts = np.diff(starts, append=len(x))
    return abs(_correlation(np.repeat(starts + 0.5 * counts, counts), _ranks(y))) > NEAR_ONE


def _are_intervals(x: np.ndarray, y: np.ndarray) -> bool:
    """Say whether each class of y (n,) is an interval of ascending x (n,), with more rows than it takes by chance."""
    changes = np.flatnonzero(y[1:] != y[:-1])
    if len(changes) >= len(y) // 2 or len(changes) != len(np.unique(y)) - 1:
        return False
    return bool((x[changes + 1] > x[changes]).all())


def gaps_tell(column: Column, target: Column, train: IdentityKey[np.ndarray], amounts: bool) -> bool:
    """Say whether where an input has no value parts the classes of a target, or its range, in each row.

    Args are as of `determines`.
    """
    if not column.missing:
        return False
    _, rows, gaps = _ordered(column, train)
    with_value, without = (y[~np.isnan(y)] for y in (target.values[rows], target.values[gaps]))
    if min(len(with_value), len(without)) < LEAST_GAPS or len(with_value) + len(without) < LEAST:
        return False
    if amounts:
        apart = with_value.max() < without.min() or without.max() < with_value.min()
        one = any(
            a.min() == a.max() and not (b == a[0]).any()
            for a, b in ((without, with_value), (with_value, without))
        )
        return bool(apart or one)
    return not np.isin(np.unique(without), np.unique(with_value)).any()


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size > 0 else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks (n,), the mean of theirs for equal values."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - 0.5 * counts)[codes.reshape(-1)]
