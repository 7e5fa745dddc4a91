"""Inputs of arrays, standardised by the training rows as those of tables are; images on the device, by colour.

Shape letters: N rows, n training rows, D numbers of an example.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mtlrun.data.arrays.checks import PIECE
from mtlrun.data.arrays.content import Arrays
from mtlrun.data.hub.reading.images import colour_moments
from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.splits import read_only

Moments = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Fitted:
    """Inputs and how they were standardised.

    A number that is the same in all training rows is 0 in every row: nothing was learned of it.

    Attributes:
        inputs: float32 (N, ...) of all rows.
        mean: float64 (D,), of the numbers of an example in one row; None where they are left as they are.
        std: float64 (D,), infinite for numbers that training rows do not differ in.
    """

    inputs: np.ndarray
    mean: np.ndarray | None
    std: np.ndarray | None

    def applied(self, values: np.ndarray) -> np.ndarray:
        """Return other inputs (M, ...), standardised likewise."""
        return scaled(values, self.mean, self.std)


@lru_cache(maxsize=32)
def fitted(arrays: IdentityKey[Arrays], train: IdentityKey[np.ndarray], standardise: bool) -> Fitted:
    """Return inputs that are no images, the same object every time.

    Args:
        arrays: with the inputs.
        train: rows of the training part.
        standardise: whether that is wanted.
    """
    values = arrays.it.inputs
    if not standardise:
        return Fitted(_single(values), None, None)
    flat = values.reshape(len(values), -1)
    mean, std = np.zeros(flat.shape[1]), np.full(flat.shape[1], np.inf)
    plain = np.isin(np.arange(flat.shape[1]), arrays.it.one_hot)
    step = max(1, PIECE // len(train.it))
    for first in range(0, flat.shape[1], step):
        some = slice(first, first + step)
        seen = np.ascontiguousarray(flat[train.it, some].T, dtype=np.float64)  # (some of D, n)
        spread = seen.std(1)
        differs = (seen.min(1) < seen.max(1)) & (spread > 0)
        scaled_too = differs & ~plain[some]
        mean[some] = np.where(scaled_too, seen.mean(1), 0.0)
        std[some] = np.where(scaled_too, spread, np.where(differs, 1.0, np.inf))
    return Fitted(scaled(values, mean, std), mean, std)


def scaled(values: np.ndarray, mean: np.ndarray | None, std: np.ndarray | None) -> np.ndarray:
    """Return inputs (N, ...) as float32, less their means and divided by their deviations, each (D,)."""
    if mean is None or std is None:
        return _single(values)
    found = np.empty(values.shape, dtype=np.float32)
    flat, out = values.reshape(len(values), -1), found.reshape(len(values), -1)
    step = max(1, PIECE // max(1, flat.shape[1]))
    for first in range(0, len(flat), step):
        rows = slice(first, first + step)
        out[rows] = (flat[rows] - mean) / std
    return read_only(found)


@lru_cache(maxsize=32)
def pixel_moments(arrays: IdentityKey[Arrays], train: IdentityKey[np.ndarray]) -> Moments:
    """Return the mean and the deviation of each colour over the training images, float32 (C,)."""
    images = arrays.it.inputs
    if arrays.it.pixels:
        return colour_moments(images, train.it)
    rows = np.sort(train.it)
    pairs = [
        (seen.mean(), seen.std())
        for seen in (images[rows, c].astype(np.float64) for c in range(images.shape[1]))
    ]
    mean, std = np.array(pairs).T
    return mean.astype(np.float32), np.where(std > 0, std, 1).astype(np.float32)


def as_bytes(arrays: Arrays) -> Moments:
    """Return by what images of bytes go from 0 to 1, float32 (C,)."""
    colours = arrays.inputs.shape[1]
    return np.zeros(colours, np.float32), np.full(colours, 255, np.float32)


@lru_cache(maxsize=4)
def _single_of(values: IdentityKey[np.ndarray]) -> np.ndarray:
    return read_only(values.it.astype(np.float32))


def _single(values: np.ndarray) -> np.ndarray:
    """Return inputs in single precision, the same object every time."""
    return values if values.dtype == np.float32 else _single_of(IdentityKey(values))
