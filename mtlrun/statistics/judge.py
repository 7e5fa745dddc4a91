"""From paired differences to a verdict: tests, correction over the family, and the number of seeds needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtlrun.statistics.corrections import adjust_by_family, find_correction, open_levels
from mtlrun.statistics.methods import equivalence, find_method, make_method, two_sided
from mtlrun.statistics.power import further_seeds
from mtlrun.statistics.settings import Statistics
from mtlrun.statistics.student import Array, moments
from mtlrun.streams import stream

INTERVAL_LEVEL = 0.95
ZERO = 1e-6
"""Differences of at most this part of |reference| in every seed count as zero: they are round-off."""


@dataclass(frozen=True)
class Judgement:
    """What the tests say of T columns of differences; every attribute is (T,).

    Attributes:
        n: seeds with a difference.
        diverged: seeds without one because a run diverged.
        mean: of the differences, in the metric's unit.
        low, high: 95 % interval of what the method takes as centre, unadjusted; the mean for the t test.
        margin: in the metric's unit; NaN where a percentage has no meaning.
        p: two-sided, against no difference; 1 for columns that count as zero.
        p_adjusted: the same over the family.
        p_equivalent: of equivalence within the margin, adjusted over the family.
        zero: whether all differences count as zero.
        further: seeds estimated to decide the column if it is undecided.
        alpha: the level of the tests, one number.
    """

    n: NDArray[np.int64]
    diverged: NDArray[np.int64]
    mean: Array
    low: Array
    high: Array
    margin: Array
    p: Array
    p_adjusted: Array
    p_equivalent: Array
    zero: NDArray[np.bool_]
    further: Array
    alpha: float


def judge(
    d: Array,
    *,
    reference: Array,
    percent: NDArray[np.bool_],
    diverged: NDArray[np.int64],
    family: Sequence[str],
    ratio: Array | float,
    settings: Statistics,
    rng: np.random.Generator | None = None,
) -> Judgement:
    """Test paired differences against zero and against the margin.

    Columns without two seeds are no tests and do not count in their family. Columns that count as zero count in
    the family of differences with p 1, and are left out of that of equivalence.

    Args:
        d: (S, T) oriented differences in the metric's unit, positive is better; NaN where a seed has none.
        reference: (T,) what the margin is a percentage of, in the metric's unit; its absolute value counts.
        percent: (T,) whether a percentage of the reference has a meaning.
        diverged: (T,) seeds that have no difference because a run diverged.
        family: (T,) names of the families that are corrected together.
        ratio: n_test / n_train where splits vary with the seed, else 0.
        settings: method, correction, level, margin and power.
        rng: for what the method draws; without one the same draws every time.

    Raises:
        ConfigError: unknown method or correction, or a method that is not made for splits that vary.
    """
    method = make_method(settings.method, ratio, rng or stream(0, "statistics/draws"))
    correction = find_correction(settings.correction)
    n, mean, sd = moments(d)
    margin = np.where(percent, settings.margin / 100 * np.abs(reference), np.nan)
    tolerance = np.where(np.isnan(reference), 0.0, ZERO * np.abs(reference))
    zero = (n > 1) & (np.where(np.isnan(d), 0.0, np.abs(d)) <= tolerance).all(axis=0)
    p = np.where(zero, 1.0, two_sided(method, d))
    p_adjusted = adjust_by_family(p, family, correction)
    p_inside = np.where(zero, np.nan, equivalence(method, d, margin))
    levels = open_levels(p_adjusted, family, correction, settings.alpha)
    kind = find_method(settings.method)
    low, high = method.interval(d, INTERVAL_LEVEL)
    return Judgement(
        n=n,
        diverged=diverged,
        mean=mean,
        low=low,
        high=high,
        margin=margin,
        p=p,
        p_adjusted=p_adjusted,
        p_equivalent=adjust_by_family(p_inside, family, correction),
        zero=zero,
        further=further_seeds(
            mean,
            sd,
            n.astype(float),
            margin,
            levels,
            settings.power,
            ratio,
            factor=kind.seeds,
            counts=kind.counts,
        ),
        alpha=settings.alpha,
    )
