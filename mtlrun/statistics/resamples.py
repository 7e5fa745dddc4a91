"""Bootstrap resamples as weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtlrun.statistics.student import Array


def bootstrap_weights(n: int, resamples: int, rng: np.random.Generator) -> Array:
    """Return (resamples, n): each row is one draw of n units with replacement, as each unit's part of it."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n


class CaseDraws:
    """Resamples of test cases, drawn once for every number of cases and kept: all settings of a study share them.

    Args:
        rng: draws them.
        resamples: B, how many.
    """

    def __init__(self, rng: np.random.Generator, resamples: int) -> None:
        self._rng, self._resamples = rng, resamples
        self._counts: dict[int, NDArray[np.uint16]] = {}

    def means(self, layout: Array) -> Array:
        """Return the means (B, S) over the cases of each resample of values (S, m) by test case.

        In single precision, whose round-off is far below the spread of resamples.
        """
        m = layout.shape[1]
        if m not in self._counts:
            self._counts[m] = self._draw(m)
        weights = self._counts[m].astype(np.float32)
        return (weights @ layout.T.astype(np.float32)).astype(np.float64) / m

    def _draw(self, m: int) -> NDArray[np.uint16]:
        """Return how often each of m cases is in each resample, (B, m)."""
        drawn = self._rng.integers(m, size=(self._resamples, m))
        drawn += m * np.arange(self._resamples)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=m * self._resamples)
        return counts.reshape(self._resamples, m).astype(np.uint16)
