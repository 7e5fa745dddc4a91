"""Bootstrap resamples as weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mtlrun.statistics.paired_tests.student import Array

_ROOM = 2**26  # bytes of means that are kept
_Key = tuple[tuple[int, ...], bytes]  # shape and values of a layout


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
        self._weights = np.empty((0, resamples), np.float32)  # of the number of cases that was asked for last
        self._means: dict[_Key, NDArray[np.float32]] = {}  # the oldest first
        self._seeds: tuple[bytes, Array] = (b"", np.empty(0))

    def of_seeds(self, whole: NDArray[np.bool_], strata: NDArray[np.int64]) -> Array:
        """Return weights (B, S, T): how often a seed was drawn, as a part of its column.

        Args:
            whole: (S, T) which cells count.
            strata: (T,) columns with one number have their seeds drawn together.
        """
        key = whole.tobytes() + strata.tobytes()
        if key != self._seeds[0]:
            weights = np.zeros((*whole.T.shape, self._resamples)).T  # draws lie together in memory
            for stratum in np.unique(strata):
                inside = np.flatnonzero(strata == stratum)
                seeds = np.flatnonzero(whole[:, inside[0]])
                drawn = bootstrap_weights(len(seeds), self._resamples, self._rng)
                weights[:, seeds[:, None], inside] = drawn[:, :, None]
            self._seeds = key, weights
        return self._seeds[1]

    def case_means(self, layouts: Sequence[Array]) -> list[NDArray[np.float32]]:
        """Return for each layout, values (S, m) by test case, the means (B, S) over the cases of each resample.

        In single precision, whose round-off is far below the spread of resamples. They are kept for a while, since
        settings share their baselines, and are not to be written to. All new layouts of a length are one product.
        """
        short = [np.ascontiguousarray(layout, dtype=np.float32) for layout in layouts]
        keys = [(layout.shape, layout.tobytes()) for layout in short]
        found = {key: self._means.pop(key) for key in keys if key in self._means}
        new = {key: layout for key, layout in zip(keys, short, strict=True) if key not in found}
        for m in dict.fromkeys(layout.shape[1] for layout in new.values()):
            alike = {key: layout for key, layout in new.items() if layout.shape[1] == m}
            means = np.concatenate(list(alike.values())) @ self._weights_of(m)
            ends = np.cumsum([len(layout) for layout in alike.values()])
            found |= zip(alike, (part.copy().T for part in np.split(means, ends[:-1])), strict=True)
        self._keep(found)
        return [found[key] for key in keys]

    def _keep(self, found: dict[_Key, NDArray[np.float32]]) -> None:
        """Keep means as the newest; the oldest make room for them."""
        self._means |= found
        spent = sum(means.nbytes + len(key[1]) for key, means in self._means.items())
        while spent > _ROOM:
            key = next(iter(self._means))
            spent -= self._means.pop(key).nbytes + len(key[1])

    def _weights_of(self, m: int) -> NDArray[np.float32]:
        """Return what part of each resample each of m cases is, (m, B)."""
        if m != len(self._weights):
            self._weights = np.ascontiguousarray(self._drawn(m).T, dtype=np.float32) / np.float32(m)
        return self._weights

    def _drawn(self, m: int) -> NDArray[np.uint16]:
        """Return how often each of m cases is in each resample, (B, m)."""
        if m not in self._counts:
            drawn = self._rng.integers(m, size=(self._resamples, m))
            drawn += m * np.arange(self._resamples)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=m * self._resamples)
            self._counts[m] = counts.reshape(self._resamples, m).astype(np.uint16)
        return self._counts[m]
