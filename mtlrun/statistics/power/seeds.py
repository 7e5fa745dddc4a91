"""How many seeds a decision needs, from the spread seen so far."""

from __future__ import annotations

import numpy as np
from scipy import special

from mtlrun.statistics.paired_tests.student import Array

_LARGE = 1000.0
"""Degrees of freedom from which a spread counts as known."""


def seeds_for_difference(mean: Array, sd: Array, level: Array, power: float, ratio: Array | float) -> Array:
    """Return the number of seeds (T,) at which a two-sided paired t test of `level` finds `mean` with `power`.

    `N = sd^2 / ((|mean| / (z(1 - level/2) + z(power)))^2 - ratio sd^2) + z(1 - level/2)^2 / 2`, where z is the normal
    quantile and the last term stands for estimating sd (Guenther, The American Statistician 35, 1981). Infinity
    where no number of seeds is enough. `mean` and `sd` (T,) are those of the differences, in one unit.
    """
    z = special.ndtri(1 - level / 2)
    return _seeds(z, z + special.ndtri(power), sd, np.abs(mean), ratio)


def seeds_for_equivalence(
    mean: Array, sd: Array, margin: Array, level: Array, power: float, ratio: Array | float
) -> Array:
    """Return the number of seeds (T,) at which two one-sided t tests of `level` place `mean` inside the margin.

    The same formula with the distance `margin - |mean|` to the nearer bound, z(1 - level), and z((1 + power)/2)
    for the power, since both tests must reject (Chow, Shao and Wang, Sample Size Calculations in Clinical
    Research, 2008, section 3.1; exact for a mean of 0, at most a few seeds too many otherwise). Infinity where
    the mean is not inside.
    """
    z = special.ndtri(1 - level)
    return _seeds(z, z + special.ndtri((1 + power) / 2), sd, margin - np.abs(mean), ratio)


def seeds_after_pilot(
    distance: float, sd: float, freedom: float, level: float, power: float, ratio: float
) -> float:
    """Return the number of seeds at which a one-sided t test of `level` finds `distance` with `power`.

    Guenther's formula with the quantile of the noncentral t distribution, `nct(power; freedom, z(1 - level))`, in
    place of the sum of two normal quantiles: then `power` holds on average over what `sd` may really be, since it
    was estimated with `freedom` degrees of freedom (Julious & Owen, Pharmaceutical Statistics 5, 2006). The
    fewer, the more seeds. Infinity where no number is enough.

    Args:
        distance: what is to be found, in the unit of `sd`.
        sd: spread of the change of one seed.
        freedom: that `sd` rests on.
        level: of the one-sided test.
        power: the chance to find it.
        ratio: n_test / n_train where splits vary with the seed, else 0.
    """
    from scipy import stats  # takes a second to import, so only where it is used

    z = special.ndtri(1 - level)
    both = stats.nct.ppf(power, freedom, z) if freedom < _LARGE else z + special.ndtri(power)
    return float(_seeds(z, both, np.array([sd]), np.array([distance]), ratio)[0])


def further_seeds(
    mean: Array,
    sd: Array,
    n: Array,
    margin: Array,
    level: Array,
    power: float,
    ratio: Array | float,
    factor: float = 1.0,
    counts: bool = False,
) -> Array:
    """Return how many seeds (T,) beyond the `n` had are likely to decide an undecided row, either way.

    The smaller of the numbers for a difference of the size seen and, where that lies inside the margin, for
    equivalence, times the `factor` by which a method needs more than the t test; at least 1. At least the
    `1 + log2(1/level)` seeds of the exact sign test where the seeds agree so well that it sets the limit, and
    for methods whose p `counts` signs. NaN where nothing can be said: fewer than two seeds, or no number up to a
    million is enough.
    """
    needed = np.fmin(
        seeds_for_difference(mean, sd, level, power, ratio),
        seeds_for_equivalence(mean, sd, margin, level, power, ratio),
    )
    needed = np.ceil(np.maximum(factor * needed, np.where(counts | (sd == 0), 1 + np.log2(1 / level), 2)))
    further = np.maximum(needed - n, 1)
    return np.where(np.isfinite(sd) & (needed <= 1e6), further, np.nan)


def _seeds(z_level: Array, z_sum: Array, sd: Array, distance: Array, ratio: Array | float) -> Array:
    """Solve Guenther's formula for N; infinite for distances that are not positive, or NaN."""
    usable = distance > 0
    wanted = (np.where(usable, distance, 1.0) / z_sum) ** 2 - ratio * sd**2  # what is left for seeds
    enough = usable & (wanted > 0)
    return np.where(enough, sd**2 / np.where(enough, wanted, 1.0) + z_level**2 / 2, np.inf)
