"""From paired differences to a verdict: tests, correction over the family, and what would decide what is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtlrun.statistics.corrections import adjust_by_family, find_correction, open_levels
from mtlrun.statistics.evidence import (
    Differences,
    OverSeeds,
    Tests,
    Words,
    p_equivalence,
    p_two_sided,
    tests_of,
)
from mtlrun.statistics.methods import find_method, make_method
from mtlrun.statistics.paired_tests.crossed import Crossed
from mtlrun.statistics.paired_tests.student import Array, moments
from mtlrun.statistics.power.advice import Advice, advise
from mtlrun.statistics.settings import Statistics
from mtlrun.streams import stream

INTERVAL_LEVEL = 0.95
ZERO = 1e-6
"""Differences of at most this part of |reference| in every seed are round-off."""


@dataclass(frozen=True)
class Judgement:
    """What the tests say of T columns of differences; every attribute is (T,).

    Attributes:
        n: seeds with a difference.
        diverged: seeds without one because a run diverged.
        mean: of the differences, in the metric's unit.
        low, high: unadjusted 95 % interval of what the method takes as centre, of the scope of the verdict; NaN where
            nothing varies, so that no error can be measured.
        seed_low, seed_high: the same over seeds alone.
        scope: what the verdict speaks about: `examples`, `seeds` or `splits`.
        margin: in the metric's unit; NaN where a percentage has no meaning.
        p: two-sided, against no difference; 1 for columns that count as zero.
        p_adjusted: the same over the family.
        p_equivalent: of equivalence within the margin, adjusted over the family.
        p_not_worse: against "worse by the margin or more", adjusted over the family.
        zero: whether both sides are the same in all that was measured.
        advice: what would decide the column if it is undecided.
        layout: the analysis of variance over seeds and examples.
        alpha: the level of the tests, one number.
    """

    n: NDArray[np.int64]
    diverged: NDArray[np.int64]
    mean: Array
    low: Array
    high: Array
    seed_low: Array
    seed_high: Array
    scope: Words
    margin: Array
    p: Array
    p_adjusted: Array
    p_equivalent: Array
    p_not_worse: Array
    zero: NDArray[np.bool_]
    advice: Advice
    layout: Crossed
    alpha: float


def judge(
    differences: Differences,
    *,
    percent: NDArray[np.bool_],
    diverged: NDArray[np.int64],
    same: NDArray[np.bool_],
    family: Sequence[str],
    settings: Statistics,
    rng: np.random.Generator | None = None,
) -> Judgement:
    """Test paired differences against zero and against the margin.

    Columns without two seeds are no tests and do not count in their family. Columns that are zero count in
    the family of differences with p 1, and are left out of that of equivalence.

    Args:
        differences: T columns; the margin is a percentage of their `size`.
        percent: (T,) whether a percentage of the size has a meaning.
        diverged: (T,) seeds that have no difference because a run diverged.
        same: (T,) whether both sides agree in every score of every example and in all else that was measured, in
            every seed: nothing was shared.
        family: (T,) names of the families that are corrected together.
        settings: method, scope, correction, level, margin and power.
        rng: for what the method draws; without one the same draws every time.

    Raises:
        ConfigError: unknown method or correction, or a method that is not made for splits that vary.
    """
    rng = rng or stream(0, "statistics/draws")
    d = differences.d
    tests = tests_of(differences, settings, rng)
    n, mean, _ = moments(d)
    margin = np.where(percent, settings.margin / 100 * np.abs(differences.size), np.nan)
    zero = same & (n > 1)
    found = _tested(tests, margin, zero, family, settings)
    low, high = tests.interval(INTERVAL_LEVEL)
    alone = OverSeeds(make_method(settings.method, 0.0, rng), d).interval(INTERVAL_LEVEL)
    correction = find_correction(settings.correction)
    levels = open_levels(found["p_adjusted"], family, correction, settings.alpha)
    layout, scope, kind = (
        differences.crossed(),
        differences.scopes(settings.over),
        find_method(settings.method),
    )
    return Judgement(
        n=n,
        diverged=diverged,
        mean=mean,
        low=np.where(zero, 0.0, low),
        high=np.where(zero, 0.0, high),
        seed_low=np.where(zero, 0.0, alone[0]),
        seed_high=np.where(zero, 0.0, alone[1]),
        scope=scope,
        margin=margin,
        **found,
        zero=zero,
        advice=advise(differences, layout, scope, margin, levels, settings.power, kind),
        layout=layout,
        alpha=settings.alpha,
    )


def _tested(
    tests: Tests, margin: Array, zero: NDArray[np.bool_], family: Sequence[str], settings: Statistics
) -> dict[str, Array]:
    """Return the p values of a judgement by name, adjusted ones over the family."""
    correction = find_correction(settings.correction)
    p = np.where(zero, 1.0, p_two_sided(tests))
    inside = np.where(zero, np.nan, p_equivalence(tests, margin))
    not_worse = np.where(zero, 0.0, np.where(np.isnan(margin), np.nan, tests.p_above(-margin)))
    return {
        "p": p,
        "p_adjusted": adjust_by_family(p, family, correction),
        "p_equivalent": adjust_by_family(inside, family, correction),
        "p_not_worse": adjust_by_family(not_worse, family, correction),
    }
