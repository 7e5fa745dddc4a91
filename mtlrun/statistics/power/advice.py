"""What would decide a row that is open: more seeds, more splits, or a larger test set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from mtlrun.statistics.evidence import Differences, Words
from mtlrun.statistics.methods import Kind
from mtlrun.statistics.paired_tests.crossed import Crossed, share_of
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.statistics.power.anytime import MOST_EXAMPLES, MOST_SEEDS, anytime_needs
from mtlrun.statistics.power.seeds import further_seeds
from mtlrun.statistics.settings import EXAMPLES


class Advice(NamedTuple):
    """Per column (T,): how many further seeds would decide it, NaN where no number would; and where none would, how
    many test examples (or groups) in all, with as many seeds as now, NaN where that cannot be said."""

    seeds: Array
    examples: Array


def advise(
    differences: Differences,
    layout: Crossed,
    scope: Words,
    margin: Array,
    level: Array,
    power: float,
    kind: Kind,
) -> Advice:
    """Estimate what would decide each column, either way, from the variance seen so far.

    Over seeds and examples the variance of the mean is `a + b / n`: a comes from the examples, and stays however many
    seeds there are. So n further seeds decide only where the difference (or the distance to the margin) is large
    beside sqrt(a); else the test set is too small, and its size has to grow. The anytime test has bounds of its own
    (`mtlrun.statistics.power.anytime`).

    Args:
        differences: T columns.
        layout: their analysis of variance.
        scope: (T,) what each verdict speaks about.
        margin: (T,) in the metric's unit.
        level: (T,) that each test faces next in its family.
        power: the chance to decide.
        kind: the study's method.
    """
    count, mean, sd = differences.draws()
    n = count.astype(float)
    alone = differences.seeds_each() * further_seeds(  # over splits: whole further splits
        *(mean, sd, n, margin, level, power, differences.ratios),
        factor=kind.seeds,
        counts=kind.counts,
    )
    if kind.looks:
        needs = anytime_needs(layout, mean, margin, level, power, kind.seeds)
        needed = np.fmin(*(one.seeds() for one in needs))
        examples = np.fmin(*(one.examples() for one in needs))
    else:
        needed, examples = _of_t(layout, mean, margin, level, power, kind.seeds)
    flat = layout.collapsed(np.fmax(np.abs(mean), margin))
    bounded = _where_all_agree(layout, differences.size, mean, margin, level / 2 if kind.looks else level)
    needed, examples = (np.where(flat, *pair) for pair in zip(bounded, (needed, examples), strict=True))
    needed = np.ceil(np.maximum(needed, 2))
    both = np.where(needed <= MOST_SEEDS, np.maximum(needed - n, 1), np.nan)
    examples = np.maximum(np.ceil(examples), layout.m + 1)
    over = (scope == EXAMPLES) & ~np.isnan(layout.mean)
    useful = over & np.isnan(both) & (examples < MOST_EXAMPLES)
    return Advice(np.where(over, both, alone), np.where(useful, examples, np.nan))


def _of_t(
    layout: Crossed, mean: Array, margin: Array, level: Array, power: float, factor: float
) -> tuple[Array, Array]:
    """Return how many seeds (T,), and how many examples (T,), Student's t needs; infinity for none."""
    difference, inside = _targets(mean, margin, level, power)
    _, by_example, rest = layout.shares()
    by_seed = np.maximum(layout.variance - by_example, 0.0) * layout.n  # of one seed
    needed = np.fmin(_seeds(*difference, by_example, by_seed), _seeds(*inside, by_example, by_seed))
    wanted = np.fmax(difference[0], inside[0])
    fixed = np.maximum(layout.variance - by_example - rest, 0.0)  # of seeds alone, with as many as now
    room = np.where(wanted > 1.25 * fixed, wanted - fixed, wanted / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        examples = layout.m * (by_example + rest) / room
    return factor * needed, np.where(wanted > 0, examples, np.inf)


def _where_all_agree(
    layout: Crossed, size: Array, mean: Array, margin: Array, level: Array
) -> tuple[Array, Array]:
    """Return the same where nothing varies, so that p is what `Crossed.p_above` bounds it by.

    `2^-n` and `(1 - q)^m` have to be under the level, q being the share of examples that would have to differ.
    """
    seeds, examples = np.full_like(layout.mean, np.inf), np.full_like(layout.mean, np.inf)
    for distance, own in ((np.abs(mean), level / 2), (margin - np.abs(mean), level)):
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.floor(np.log(own) / np.log1p(-share_of(distance, size))) + 1
        least = np.where(distance > 0, least, np.inf)
        seeds = np.fmin(seeds, np.where(least <= layout.m, np.floor(-np.log2(own)) + 1, np.inf))
        examples = np.fmin(examples, least)
    return seeds, examples


def _targets(mean: Array, margin: Array, level: Array, power: float) -> tuple[tuple[Array, Array], ...]:
    """Return for the test of a difference and that of equivalence the variance of the mean (T,) at which it decides
    with `power`, 0 for none, and its normal quantile (T,)."""
    two, one = special.ndtri(1 - level / 2), special.ndtri(1 - level)
    difference = np.abs(mean) / (two + special.ndtri(power))
    inside = (margin - np.abs(mean)) / (one + special.ndtri((1 + power) / 2))
    return (np.fmax(difference, 0.0) ** 2, two), (np.fmax(inside, 0.0) ** 2, one)


def _seeds(wanted: Array, z: Array, by_example: Array, by_seed: Array) -> Array:
    """Solve `by_example + by_seed / N = wanted` for N (T,), with Guenther's z^2 / 2 for estimating a variance."""
    left = wanted - by_example
    return np.where(left > 0, by_seed / np.where(left > 0, left, 1.0) + z**2 / 2, np.inf)
