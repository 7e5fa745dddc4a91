"""How strongly two columns go together."""

from __future__ import annotations

import numpy as np

from mtlrun.data.tables.columns import Column


def association(one: Column, other: Column, rows: np.ndarray) -> float | None:
    """Return how strongly two columns go together in some rows; None where one is the same in all.

    Two columns of numbers: Pearson's correlation, from -1 to 1. A number and classes: the correlation ratio, from 0
    to 1. Two columns of classes: Cramér's V, from 0 to 1. Columns of two classes are numbers.
    """
    there = rows[~np.isnan(one.values[rows]) & ~np.isnan(other.values[rows])]
    x, y = one.values[there], other.values[there]
    if len(there) < 3 or one.too_large or other.too_large or not (x.std() > 0 and y.std() > 0):
        return None
    classes = [c.kind == "category" and len(c.classes) > 2 for c in (one, other)]
    if all(classes):
        return _cramer(x, y)
    if any(classes):
        codes, values = (x, y) if classes[0] else (y, x)
        return _correlation_ratio(codes.astype(np.int64), values)
    return float(np.corrcoef(x, y)[0, 1])


def _correlation_ratio(codes: np.ndarray, values: np.ndarray) -> float:
    counts = np.bincount(codes)
    means = np.bincount(codes, values) / np.maximum(counts, 1)
    between = (counts * (means - values.mean()) ** 2).sum()
    return float(np.sqrt(between / ((values - values.mean()) ** 2).sum()))


def _cramer(x: np.ndarray, y: np.ndarray) -> float:
    _, rows = np.unique(x, return_inverse=True)
    _, columns = np.unique(y, return_inverse=True)
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows.reshape(-1), columns.reshape(-1)), 1)
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / (table.sum() * (min(table.shape) - 1))))
