"""How strongly two columns go together.

Shape letter: n rows that are looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mtlrun.data.tables.columns import Column


class Association(NamedTuple):
    """How strongly an input goes with a target.

    Attributes:
        value: as `association` returns it.
        by_gaps: whether it is that of the input's gaps, and not of its values.
    """

    value: float
    by_gaps: bool = False


def strongest(one: Column, other: Column, rows: np.ndarray) -> Association | None:
    """Return how strongly an input goes with a target, by its values or by its gaps, whichever is more."""
    by_value = association(one, other, rows)
    found = None if by_value is None else Association(by_value)
    if one.kind == "category" or not one.missing:  # gaps of a category are a class
        return found
    by_gaps = association(Column("", "boolean", np.isnan(one.values).astype(np.float64)), other, rows)
    if by_gaps is None or (found is not None and abs(found.value) >= abs(by_gaps)):
        return found
    return Association(by_gaps, by_gaps=True)


def association(one: Column, other: Column, rows: np.ndarray) -> float | None:
    """Return how strongly two columns go together in some rows; None where one is the same in all.

    Two columns of numbers: Pearson's correlation, from -1 to 1. A number and classes: the correlation ratio, from 0
    to 1. Two columns of classes: Cramér's V, from 0 to 1. Columns of two classes are numbers. Gaps of the first are
    a class where it is a category, as they are among inputs; else rows with a gap do not count.
    """
    x, y = one.values[rows], other.values[rows]
    classes = [len(c.classes) > 2 if c.kind == "category" else False for c in (one, other)]
    if one.kind == "category" and one.missing:
        x, classes[0] = np.where(np.isnan(x), len(one.classes), x), True
    there = ~(np.isnan(x) | np.isnan(y))
    if not there.all():
        x, y = x[there], y[there]
    if len(x) < 3 or one.too_large or other.too_large or x.min() == x.max() or y.min() == y.max():
        return None
    if all(classes):
        return _cramer(x, y)
    if any(classes):
        codes, values = (x, y) if classes[0] else (y, x)
        return _correlation_ratio(codes.astype(np.int64), values)
    return _correlation(x, y)


def _correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return float(np.clip(x @ y / size, -1, 1)) if size > 0 else None


def _correlation_ratio(codes: np.ndarray, values: np.ndarray) -> float | None:
    counts, values = np.bincount(codes), values - values.mean()
    means = np.bincount(codes, values) / np.maximum(counts, 1)
    total = values @ values
    return float(np.sqrt(min((counts * means**2).sum() / total, 1.0))) if total > 0 else None


def _cramer(x: np.ndarray, y: np.ndarray) -> float:
    _, rows = np.unique(x, return_inverse=True)
    _, columns = np.unique(y, return_inverse=True)
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows.reshape(-1), columns.reshape(-1)), 1)
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / (table.sum() * (min(table.shape) - 1))))
