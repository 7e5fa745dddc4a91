"""The paired t test and interval, and their correction for splits that vary with the seed.

Shape letters: S seeds, T columns (tasks, or rows of a report). NaN marks a seed without a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not scipy.stats, which takes a second to import

Array = NDArray[np.float64]

_COLLAPSED = 1e-4


class Moments(NamedTuple):
    """Per column, (T,) each: number of values `n`, `mean` (NaN without values), `sd` (NaN below two)."""

    n: NDArray[np.int64]
    mean: Array
    sd: Array


def moments(values: Array) -> Moments:
    """Return number, mean and sample standard deviation (n - 1) of each column of `values` (S, T).

    NaN cells are left out. Deviations are taken from the mean, so that a large offset costs no precision.
    """
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(n, 1)
    mean = np.where(n > 0, mean, np.nan)
    deviations = np.where(known, values - mean, 0.0)
    variance = (deviations**2).sum(axis=0) / np.maximum(n - 1, 1)
    return Moments(n, mean, np.where(n > 1, np.sqrt(variance), np.nan))


@dataclass(frozen=True)
class StudentT:
    """Student's t on paired differences d (S, T), each column alone.

    `t = mean(d) / (sd(d) sqrt(1/n + ratio))` with n - 1 degrees of freedom. With `ratio = 0` this is the paired
    t test. Where every seed splits one finite data set anew, the differences are correlated and the plain test
    rejects far too often; `ratio = n_test / n_train` is the correction of Nadeau and Bengio (Inference for the
    generalization error, Machine Learning 52, 2003, section 3, the corrected resampled t test).

    Equal differences in all seeds have no spread to measure error with, as happens with few seeds and a metric
    that counts images. t would be infinite. Where sd is below 1e-4 of the distance tested, p is at least that of
    the exact sign test, `2^-n` one-sided, which holds for any symmetric distribution.

    Attributes:
        ratio: n_test / n_train where splits vary with the seed, else 0; a number or (T,).
    """

    ratio: Array | float = 0.0

    def standard_error(self, d: Array) -> Array:
        """Return the standard error (T,) of the mean of d (S, T), in the unit of d."""
        n, _, sd = moments(d)
        return sd * np.sqrt(1 / np.maximum(n, 1) + self.ratio)

    def interval(self, d: Array, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,) of the two-sided interval of the mean at `level`, as 0.95.

        They are NaN for columns of fewer than two values.
        """
        n, mean, _ = moments(d)
        quantile = special.stdtrit(np.maximum(n - 1, 1), (1 + level) / 2)
        half = np.where(n > 1, quantile, np.nan) * self.standard_error(d)
        return mean - half, mean + half

    def p_above(self, d: Array, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean of d (S, T) is at most `bound`" (a number or (T,)).

        Small where the mean is well above the bound; NaN for columns of fewer than two values.
        """
        n, mean, sd = moments(d)
        return upper_tail(mean - bound, self.standard_error(d), np.maximum(n - 1, 1), sd, n)


def upper_tail(distance: Array, error: Array, freedom: Array, sd: Array, n: NDArray[np.int64]) -> Array:
    """Return one-sided p values (T,) of `distance / error` under Student's t with `freedom` degrees of freedom.

    Where the spread `sd` of the `n` values that the error rests on is below 1e-4 of the distance, p keeps `2^-n`
    from 0 and 1. NaN where n is below 2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(distance == 0, 0.0, distance / error)
    p = special.stdtr(freedom, -t)
    floor = 0.5 ** np.maximum(n, 1)
    p = np.where(sd <= _COLLAPSED * np.abs(distance), np.clip(p, floor, 1 - floor), p)
    return np.where(n > 1, p, np.nan)
