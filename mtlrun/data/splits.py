"""Which rows train, which choose, which test.

All parts are consecutive pieces of one stratified random order, so a part and every prefix of the training
part hold the classes in their natural proportions, and a smaller training set is a subset of a larger one.
"""

from __future__ import annotations

import numpy as np


def stratified_order(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random order of the rows in which every class is spread evenly.

    The i-th row of a class with n rows, in random order, goes to the place (i + u) / n of the whole, u
    uniform in [0, 1). So the first fraction t of the places holds t * n rows of each class, give or take one.
    Of the generator only `random` is used, the method least likely to change between NumPy releases.

    Args:
        labels: (N,) classes to stratify by.
        rng: Random stream.

    Returns:
        int64 (N,), a permutation of the row numbers.
    """
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        shuffled = rows[np.argsort(rng.random(len(rows)))]
        place[shuffled] = (np.arange(len(rows)) + rng.random(len(rows))) / len(rows)
    return np.argsort(place).astype(np.int64)


def cut(order: np.ndarray, val: int, test: int, train: int | None = None) -> dict[str, np.ndarray]:
    """Cut an order of N rows into parts: the first `test` rows, then `val` rows, then `train` rows.

    Args:
        order: (N,) row numbers.
        val: Rows of the validation part.
        test: Rows of the test part.
        train: Rows to keep of the rest; None keeps all.

    Returns:
        `train`, `val` and `test` to read-only int64 row numbers.
    """
    parts = {"train": order[test + val :][:train], "val": order[test : test + val], "test": order[:test]}
    return {part: read_only(rows.copy()) for part, rows in parts.items()}


def train_rows(train_size: int | float | None, available: int) -> int:
    """Return how many training rows `train_size` asks for: a number of rows, a fraction, or None for all.

    A fraction is rounded to the nearest row, and keeps at least one.
    """
    if train_size is None:
        return available
    if isinstance(train_size, float):
        return max(1, round(train_size * available))
    return train_size


def read_only(array: np.ndarray) -> np.ndarray:
    """Mark an array that is shared between runs as read-only, and return it."""
    array.setflags(write=False)
    return array
