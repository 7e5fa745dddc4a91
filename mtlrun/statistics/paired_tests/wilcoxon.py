"""Wilcoxon's signed-rank test and the interval of Hodges and Lehmann that belongs to it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mtlrun.statistics.paired_tests.columns import Columnwise, tie
from mtlrun.statistics.paired_tests.student import Array


class Wilcoxon(Columnwise):
    """Signed-rank test of paired differences, for any distribution that is symmetric about its centre.

    W(c) counts the Walsh averages `(d_i + d_j) / 2`, i <= j, above c; without ties this is the sum of the ranks of
    the positive `d - c` (Wilcoxon, Biometrics Bulletin 1, 1945; Tukey 1949). One-sided against "the centre is at
    most c" p is P(W >= W(c)) under fair signs, exact at every number of seeds. The interval inverts the test: its
    ends are Walsh averages (Hodges & Lehmann, The Annals of Mathematical Statistics 34, 1963). It is an interval
    of the centre of symmetry, and of the pseudo-median where there is no symmetry, not of the mean.

    `scipy.stats.wilcoxon` agrees where there are no ties (a test holds the two together). With ties, as metrics
    that count images have, its exact distribution is not exact; here a Walsh average equal to c does not count,
    which is the least favourable way to break the tie, so the level holds.

    p is at least 2^-n one-sided, so below six seeds there is no 95 % interval.
    """

    def p_of(self, x: Array, bound: Array) -> Array:
        above = (_walsh_averages(x) > bound + tie(x, bound)).sum(axis=0)
        return _tail(len(x))[above]

    def interval_of(self, x: Array, level: float) -> tuple[Array, Array]:
        averages, tail = _walsh_averages(x), _tail(len(x))
        rejected = int((tail <= (1 - level) / 2).sum())  # the largest values of W that reject c
        if rejected == 0:
            return np.full((2, x.shape[1]), np.nan)  # type: ignore[return-value]
        ends = np.partition(averages, [rejected - 1, len(averages) - rejected], axis=0)
        return ends[rejected - 1], ends[-rejected]


def _walsh_averages(x: Array) -> Array:
    """Return the mean of every pair of rows of x (n, k), each with itself too: (n (n + 1) / 2, k)."""
    first, second = np.triu_indices(len(x))
    return (x[first] + x[second]) / 2


@lru_cache(maxsize=64)
def _tail(n: int) -> Array:
    """Return P(W >= w) for w = 0 .. n (n + 1) / 2: each rank 1 .. n is in the sum W with probability 1/2."""
    most = n * (n + 1) // 2
    chance = np.zeros(most + 1)
    chance[0] = 1.0
    for rank in range(1, n + 1):
        chance[rank:] = (chance[rank:] + chance[:-rank]) / 2
        chance[:rank] /= 2
    return np.minimum(np.cumsum(chance[::-1])[::-1], 1.0)
