"""Whether differences are clearly skewed, where no test here keeps its level with few seeds, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from mtlrun.statistics.corrections import Correction, adjust_by_family, find_correction, members
from mtlrun.statistics.paired_tests.columns import packed
from mtlrun.statistics.paired_tests.student import Array

DRAWS = 999
LEAST = 6
"""Fewer seeds say nothing of the shape."""

TOLERANCE = 0.4
"""A level counts as kept where the test rejects at most this part more often than it should: 0.07 for 0.05."""


class Lean(NamedTuple):
    """How columns lean: L-skewness (T,), what it would be under symmetry (DRAWS, T), and p (T,); NaN if untested."""

    size: Array
    drawn: Array
    p: Array


def lean(d: Array, rng: np.random.Generator) -> Lean:
    """Test "the differences d (S, T) are symmetric about their centres", column by column.

    The statistic is the L-skewness (Hosking, Journal of the Royal Statistical Society B 52, 1990), which heavy
    tails do not inflate. What it would be under symmetry comes from 999 random flips of the signs of the
    deviations from the median, one flip a seed for all columns, so that rows which share their seeds may be
    dependent; p is (b + 1) / (m + 1). It is no test of normality: the usual test of the third moment calls 24 %
    of t-distributed differences (3 degrees of freedom, 10 seeds, level 0.05) skewed. Columns of fewer than 6
    values, or with no spread, are not tested.
    """
    seeds, columns = d.shape
    size, drawn = np.full(columns, np.nan), np.full((DRAWS, columns), np.nan)
    flips = rng.choice([-1.0, 1.0], (DRAWS, seeds))
    for at, x in packed(d):
        if len(x) >= LEAST:
            rows = np.argsort(np.isnan(d[:, at]), axis=0, kind="stable")[: len(x)].T
            away = (x - np.median(x, axis=0)).T
            size[at] = _l_skewness(x.T)
            for some in np.array_split(np.arange(DRAWS), 10):  # in parts, for memory
                drawn[np.ix_(some, at)] = _l_skewness(flips[some][:, rows] * away)
            size[at[np.ptp(x, axis=0) <= 1e-9 * np.abs(x).max(axis=0)]] = np.nan
    return Lean(size, drawn, np.where(np.isnan(size), np.nan, _share(drawn, size)))


def clearly_skewed(d: Array, family: Sequence[str], alpha: float, rng: np.random.Generator) -> Array:
    """Return 1 for columns of d (S, T) that are clearly skewed, else 0; NaN where nothing was tested.

    Clearly: its own p, adjusted over the family by Benjamini and Hochberg, is under alpha / 2; or that of the mean
    L-skewness of the family's other columns together is, and the column leans as they do. The second finds what
    columns of one metric have in common when none shows it alone; those that do are left out of it, since a single
    one of them would carry the mean. A family whose differences are all symmetric is warned of with probability
    alpha at most.
    """
    found = lean(d, rng)
    skewed = adjust_by_family(found.p, family, find_correction("bh")) < alpha / 2
    for group in members(family):
        rest = group[~skewed[group] & ~np.isnan(found.size[group])]
        if len(rest) and _share(found.drawn[:, rest].mean(axis=1), found.size[rest].mean()) < alpha / 2:
            skewed[rest] = np.sign(found.size[rest]) == np.sign(found.size[rest].sum())
    return np.where(np.isnan(found.p), np.nan, skewed)


def seeds_for_skew(d: Array, family: Sequence[str], correction: Correction, alpha: float) -> Array:
    """Return how many seeds (T,) bring a t test of the mean of d (S, T) about to its level, given its skewness.

    A two-sided t test whose quantile is x rejects too often by about

        (skewness^2 / 9) x (x^4 + 2 x^2 - 3) phi(x) / n

    (Hall, The Bootstrap and Edgeworth Expansion, 1992, section 2.6, with no excess kurtosis); n is where that is
    0.4 of the level at which the first test of the family is made. The skewness is the usual estimate G1, which
    few seeds underrate, so the number is a lower estimate then. Simulated: exponential differences need about
    45 seeds at level 0.05 (the formula says 49), and some 250 at 0.005 (360). NaN below 6 values.
    """
    needed, level = np.full((2, d.shape[1]), np.nan)
    for group in members(family):
        level[group] = correction.open_level(alpha, len(group), len(group))
    x = -special.ndtri(level / 2)
    excess = x * (x**4 + 2 * x**2 - 3) * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) / 9
    for at, values in packed(d):
        if len(values) >= LEAST:
            away = values - values.mean(axis=0)
            spread = (away**2).mean(axis=0)
            skewness = (away**3).mean(axis=0) / np.where(spread > 0, spread, 1.0) ** 1.5
            n = len(values)
            skewness *= np.sqrt(n * (n - 1)) / (n - 2)
            needed[at] = np.ceil(skewness**2 * excess[at] / (TOLERANCE * level[at]))
    return needed


def _share(drawn: Array, seen: Array | float) -> Array:
    """Return the share of draws (DRAWS, ...) at least as far from 0 as what was `seen`, which counts as one."""
    return (1 + (np.abs(drawn) >= np.abs(seen) - 1e-9).sum(axis=0)) / (1 + len(drawn))


def _l_skewness(x: Array) -> Array:
    """Return the third over the second L-moment of x (..., n): (...); 0 without spread."""
    ordered = np.sort(x, axis=-1)
    n = x.shape[-1]
    i = np.arange(n)
    weights = np.stack([np.ones(n), i / (n - 1), i * (i - 1) / ((n - 1) * (n - 2))]) / n
    b0, b1, b2 = np.moveaxis(ordered @ weights.T, -1, 0)
    spread = 2 * b1 - b0
    return np.where(spread > 0, (6 * b2 - 6 * b1 + b0) / np.where(spread > 0, spread, 1.0), 0.0)
