"""The exact sign-flip test and its interval."""

from __future__ import annotations

import numpy as np

from mtlrun.statistics.paired_tests.columns import Columnwise, tie
from mtlrun.statistics.paired_tests.student import Array

EXACT = 16
"""Up to so many seeds all 2^n assignments of signs are counted."""

DRAWS = 19_999
"""Beyond, so many are drawn."""


class SignFlip(Columnwise):
    """Sign-flip permutation test of paired differences, for any distribution that is symmetric about its centre.

    Were the centre c, each `d - c` would be as likely with the other sign. The one-sided p value against "the
    centre is at most c" is the share of the 2^n assignments of signs under which the mean of `d - c` is no
    smaller than it is (Fisher, The Design of Experiments, 1935, section 21). Flipping the set F of seeds does
    that where the mean of d over F is at most c, so

        p(c) = (1 + number of non-empty F with mean_F(d) <= c) / 2^n

    and the means over subsets are the end points of the interval by test inversion (Hartigan, Journal of the
    American Statistical Association 64, 1969, "typical values"). It is an interval of the centre of symmetry:
    the mean, where there is one. Beyond 16 seeds the same with 19,999 random subsets and (b + 1) / (m + 1), which
    keeps the level (Phipson & Smyth, Statistical Applications in Genetics and Molecular Biology 9, 2010).

    p is at least 2^-n one-sided, so below six seeds there is no 95 % interval, and m tests corrected by Holm need
    `1 + log2(m / alpha)` seeds before the first can be significant.

    Args:
        rng: draws the subsets, the same for all columns of one length.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._root = int(rng.integers(2**63))

    def p_of(self, x: Array, bound: Array) -> Array:
        means = self._subset_means(x)
        return (1 + (means <= bound + tie(x, bound)).sum(axis=0)) / (1 + len(means))

    def interval_of(self, x: Array, level: float) -> tuple[Array, Array]:
        means = self._subset_means(x)
        rank = int((1 + len(means)) * (1 - level) / 2 * (1 + 1e-12))
        if rank == 0:
            return np.full((2, x.shape[1]), np.nan)  # type: ignore[return-value]
        ends = np.partition(means, [rank - 1, len(means) - rank], axis=0)
        return ends[rank - 1], ends[-rank]

    def _subset_means(self, x: Array) -> Array:
        """Return the mean of x (n, k) over every non-empty subset of seeds, or over random ones: (subsets, k)."""
        n, k = x.shape
        if n <= EXACT:
            sums, sizes = np.zeros((1, k)), np.zeros(1)
            for row in x:
                sums, sizes = np.concatenate([sums, sums + row]), np.concatenate([sizes, sizes + 1])
            return sums[1:] / sizes[1:, None]
        rng = np.random.default_rng([self._root, n])
        inside = rng.integers(0, 2, (DRAWS, n)).astype(float)
        sizes = inside.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = inside @ x / sizes[:, None]
        return np.where(sizes[:, None] > 0, means, -np.inf)  # no flip at all: as extreme as what was seen
