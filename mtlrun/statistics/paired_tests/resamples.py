"""Bootstrap resamples as weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtlrun.statistics.paired_tests.student import Array


def bootstrap_weights(n: int, resamples: int, rng: np.random.Generator) -> Array:
    """Return (resamples, n): each row is one draw of n units with replacement, as each unit's part of it."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n


class Draws:
    """Resamples of seeds and of test cases, drawn once for all settings of a study that have the same.

    Args:
        rng: draws them.
        resamples: B, how many.
    """

    def __init__(self, rng: np.random.Generator, resamples: int) -> None:
        self._rng, self._resamples = rng, resamples
        self._counts: dict[int, NDArray[np.uint16]] = {}
        self._weights = np.empty((resamples, 0), np.float32)  # of the number of cases that was asked for last
        self._seeds: tuple[bytes, Array] = (b"", np.empty(0))

    def of_seeds(self, whole: NDArray[np.bool_], strata: NDArray[np.int64]) -> Array:
        """Return weights (B, S, T): how often a seed was drawn, as a part of its column.

        Args:
            whole: (S, T) which cells count.
            strata: (T,) columns with one number have their seeds drawn together.
        """
        key = whole.tobytes() + strata.tobytes()
        if key != self._seeds[0]:
            weights = np.zeros((self._resamples, *whole.shape))
            for stratum in np.unique(strata):
                inside = np.flatnonzero(strata == stratum)
                seeds = np.flatnonzero(whole[:, inside[0]])
                drawn = bootstrap_weights(len(seeds), self._resamples, self._rng)
                weights[:, seeds[:, None], inside] = drawn[:, :, None]
            self._seeds = key, weights
        return self._seeds[1]

    def case_means(self, layout: Array) -> NDArray[np.float32]:
        """Return the means (B, S) over the cases of each resample of values (S, m) by test case.

        In single precision, whose round-off is far below the spread of resamples.
        """
        m = layout.shape[1]
        if m != self._weights.shape[1]:
            self._weights = self._drawn(m).astype(np.float32) / m
        return self._weights @ layout.T.astype(np.float32)

    def _drawn(self, m: int) -> NDArray[np.uint16]:
        """Return how often each of m cases is in each resample, (B, m)."""
        if m not in self._counts:
            drawn = self._rng.integers(m, size=(self._resamples, m))
            drawn += m * np.arange(self._resamples)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=m * self._resamples)
            self._counts[m] = counts.reshape(self._resamples, m).astype(np.uint16)
        return self._counts[m]
