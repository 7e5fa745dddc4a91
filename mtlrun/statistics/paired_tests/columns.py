"""Columns of differences with their gaps closed, for methods that take whole columns of one length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mtlrun.statistics.paired_tests.student import Array

_TOGETHER = 64
"""Columns taken at once: what a method lays out for each of them stays within some hundred MB."""


def packed(d: Array) -> Iterator[tuple[NDArray[np.intp], Array]]:
    """Yield columns of d (S, T) that have equally many values, n of at least 2: positions (k,), values (n, k).

    NaN cells are left out, and the order of the others is kept.
    """
    gaps = np.isnan(d)
    closed = np.take_along_axis(d, np.argsort(gaps, axis=0, kind="stable"), axis=0)
    counts = d.shape[0] - gaps.sum(axis=0)
    for n in np.unique(counts[counts > 1]):
        members = np.flatnonzero(counts == n)
        for start in range(0, len(members), _TOGETHER):
            at = members[start : start + _TOGETHER]
            yield at, closed[:n, at]


def tie(values: Array, bound: Array) -> Array:
    """Return by how much (k,) sums of `values` (n, k) may differ from `bound` (k,) by round-off alone."""
    return 1e-10 * np.maximum(np.abs(values).max(axis=0), np.abs(bound))


class Columnwise(ABC):
    """A method of `mtlrun.statistics.methods` that is given for columns without gaps."""

    @abstractmethod
    def p_of(self, x: Array, bound: Array) -> Array:
        """Return one-sided p values (k,) of x (n, k) against "the centre is at most `bound`" (k,)."""

    @abstractmethod
    def interval_of(self, x: Array, level: float) -> tuple[Array, Array]:
        """Return the bounds (k,), (k,) of the two-sided interval of x (n, k) at `level`."""

    def p_above(self, d: Array, bound: Array | float) -> Array:
        """Return one-sided p values (T,) of d (S, T); NaN for columns of fewer than two values."""
        p = np.full(d.shape[1], np.nan)
        bounds = np.broadcast_to(np.asarray(bound, dtype=float), p.shape)
        for at, x in packed(d):
            p[at] = self.p_of(x, bounds[at])
        return p

    def interval(self, d: Array, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,) at `level`; NaN where so few values have no interval of that level."""
        low, high = np.full((2, d.shape[1]), np.nan)
        for at, x in packed(d):
            low[at], high[at] = self.interval_of(x, level)
        return low, high
