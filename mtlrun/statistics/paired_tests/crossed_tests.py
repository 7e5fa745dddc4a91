"""Tests over seeds and test examples: Student's t, a bootstrap, and a sequential test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from mtlrun.statistics.paired_tests.crossed import COLLAPSED, Crossed, share_of
from mtlrun.statistics.paired_tests.resamples import bootstrap_weights
from mtlrun.statistics.paired_tests.sequential import Anytime
from mtlrun.statistics.paired_tests.student import Array

RESAMPLES = 4000
_FEW = 10
_HALVINGS = 50


@dataclass(frozen=True)
class CrossedT:
    """Student's t with the variance of seeds and examples.

    Attributes:
        layout: the analysis of variance of T columns.
        size: (T,) what the metric's values are about, as |mean of the baseline|.
    """

    layout: Crossed
    size: Array

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,) of the two-sided interval of the mean at `level`."""
        return self.layout.interval(level)

    def p_above(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean is at most `bound`"."""
        return self.layout.p_above(_each(bound, self.size), self.size)

    def p_below(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean is at least `bound`"."""
        turned = replace(self.layout, mean=-self.layout.mean)
        return turned.p_above(-_each(bound, self.size), self.size)


class CrossedBootstrap:
    """The pigeonhole bootstrap: seeds and examples are resampled apart, each whole.

    Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1, 2007.

    Its variance is too large by up to twice the interaction of seeds and examples, so its draws are used for their
    shape alone: they are standardised, and their quantiles stand in for the normal ones that Student's t
    corresponds to at the standard error and the degrees of freedom of the crossed layout. Where the draws are normal
    this is the crossed t test. As in the bootstrap over seeds, skew only widens: p is the larger of both.

    Args:
        layout: the analysis of variance of T columns.
        size: (T,) as of `CrossedT`.
        columns: the layouts that `layout` was made of.
        rng: draws the resamples.
    """

    def __init__(
        self, layout: Crossed, size: Array, columns: Sequence[Sequence[Array]], rng: np.random.Generator
    ) -> None:
        self._plain = CrossedT(layout, size)
        self._root = int(rng.integers(2**63))
        self._weights: dict[tuple[int, int], Array] = {}
        self._draws = [self._standardised(column) for column in columns]

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,): at least as wide as those of the crossed t."""
        layout = self._plain.layout
        low, high = layout.interval(level)
        error = np.sqrt(layout.variance)
        for at, draws in enumerate(self._draws):
            if draws is None or np.isnan(low[at]):
                continue
            reach = special.stdtrit(layout.freedom[at], (1 + level) / 2)
            shares = special.ndtr(np.array([-reach, reach]))
            begin, end = layout.mean[at] + error[at] * np.quantile(draws, shares)
            low[at], high[at] = min(low[at], begin), max(high[at], end)
        return low, high

    def p_above(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean is at most `bound`"."""
        return np.maximum(self._plain.p_above(bound), self._tails(bound, 1.0))

    def p_below(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean is at least `bound`"."""
        return np.maximum(self._plain.p_below(bound), self._tails(bound, -1.0))

    def _tails(self, bound: Array | float, sign: float) -> Array:
        layout, bounds = self._plain.layout, _each(bound, self._plain.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = sign * (layout.mean - bounds) / np.sqrt(layout.variance)
        p = np.full(len(bounds), np.nan)
        for at, draws in enumerate(self._draws):
            if draws is None or not np.isfinite(t[at]):
                continue
            below = int((sign * draws <= -t[at]).sum())
            # With few draws on one side the tail of the t distribution, which stands beside it, says more.
            p[at] = below / len(draws) if min(below, len(draws) - below) >= _FEW else 0.0
        return np.where(np.isnan(p), 0.0, p)

    def _standardised(self, column: Sequence[Array]) -> Array | None:
        if not column or min(min(layout.shape) for layout in column) < 2:
            return None
        seeds = self._drawn(0, len(column[0]))
        total = np.zeros(RESAMPLES)
        for number, layout in enumerate(column, 1):
            away = layout - layout.mean()
            total += np.einsum("bm,bm->b", seeds @ away, self._drawn(number, layout.shape[1]))
        spread = total.std()
        return None if spread == 0 else (total - total.mean()) / spread

    def _drawn(self, part: int, count: int) -> Array:
        """Return (B, count): how often each of so many seeds or examples was drawn, as its part of the whole."""
        key = (part, count)
        if key not in self._weights:
            self._weights[key] = bootstrap_weights(
                count, RESAMPLES, np.random.default_rng([self._root, *key])
            )
        return self._weights[key]


class CrossedAnytime:
    """A test that holds at every look over seeds, widened by what the test examples may be off.

    The mean over all seeds on these examples differs from the one on the population by a number that is drawn once,
    with the test set. An interval of that number at half the level, `t(m - 1) sqrt(MSi / (n m))`, and one of the
    mean on these examples at the other half, which holds after every seed (`sequential.py`), cover both
    at once by Bonferroni, at every look. The first does not grow surer than the test set allows, so
    neither does the whole. p is the level at which the sum of both bounds meets the bound that is tested. Where all
    examples agree the first has no width to be measured by; then p keeps the chance to see no exception in so many.

    Attributes:
        layout: the analysis of variance of T columns.
        d: (S, T) differences by seed, in the order in which seeds were added; NaN where one has none.
        size: (T,) as of `CrossedT`.
    """

    def __init__(self, layout: Crossed, d: Array, size: Array) -> None:
        self._layout, self._d, self._size = layout, d, size

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,) of the interval that covers after all seeds at once with `level`."""
        low, high = Anytime().interval(self._d, 1 - (1 - level) / 2)
        reach = self._reach(np.full(self._d.shape[1], (1 - level) / 4))
        flat = self._layout.collapsed(np.abs(self._layout.mean))
        return np.where(flat, np.nan, low - reach), np.where(flat, np.nan, high + reach)

    def p_above(self, bound: Array | float) -> Array:
        """Return always-valid one-sided p values (T,) against "the centre is at most `bound`"."""
        bounds = _each(bound, self._layout.n)
        return np.maximum(self._p(self._d, bounds), self._no_exception(bounds))

    def p_below(self, bound: Array | float) -> Array:
        """Return always-valid one-sided p values (T,) against "the centre is at least `bound`"."""
        bounds = _each(bound, self._layout.n)
        return np.maximum(self._p(-self._d, -bounds), self._no_exception(bounds))

    def _no_exception(self, bounds: Array) -> Array:
        """Return what p (T,) is at least: twice, for half the level, the chance that all examples agree; else 0."""
        distance = self._layout.mean - bounds
        flat = np.sqrt(self._layout.example) <= COLLAPSED * np.abs(distance)
        chance = (1 - share_of(distance, self._size)) ** self._layout.m
        return np.where(flat, np.minimum(2 * chance, 0.5), 0.0)

    def _p(self, d: Array, bound: Array) -> Array:
        low, high = np.full(len(bound), -40.0), np.zeros(len(bound))  # log of the level
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            half = np.exp(middle) / 2
            rejected = Anytime().p_above(d, bound + self._reach(half)) <= half
            low, high = np.where(rejected, low, middle), np.where(rejected, middle, high)
        return np.where(np.isnan(self._layout.mean), np.nan, np.exp(high))

    def _reach(self, level: Array) -> Array:
        """Return how far the examples may be off at a one-sided `level` (T,)."""
        m = np.nan_to_num(self._layout.m, nan=2.0)
        return -special.stdtrit(m - 1, level) * np.sqrt(self._layout.example)


def _each(bound: Array | float, like: Array) -> Array:
    return np.broadcast_to(np.asarray(bound, dtype=float), like.shape)
