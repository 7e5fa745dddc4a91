"""One figure for a benchmark of many tasks, with its error.

Agarwal, Schwarzer, Castro, Courville & Bellemare, Deep reinforcement learning at the edge of the statistical
precipice, NeurIPS 2021. Shape letters: S seeds, T tasks (a task of two suites counts twice), K settings, B resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlrun.statistics.paired_tests.resamples import Draws
from mtlrun.statistics.paired_tests.student import Array

RESAMPLES = 1000
_AT_ONCE = 200
"""Resamples that are worked on together: what a core keeps near."""


class Estimate(NamedTuple):
    """A value and its interval; NaN where there is none."""

    value: float
    low: float
    high: float


class Aggregate(NamedTuple):
    """What a setting does over all tasks.

    Attributes:
        mean: of the gains, each task weighing the same.
        iqm: interquartile mean: of the middle half of the gains of all tasks and seeds together, so that neither
            one task nor one seed decides.
        improvement: probability that a multi-task run beats a single-task run of the task, mean over tasks.
    """

    mean: Estimate
    iqm: Estimate
    improvement: Estimate


class Error(NamedTuple):
    """Standard error of the mean gain, and its degrees of freedom; NaN where they are not known."""

    error: float
    freedom: float


def aggregate(
    stl: Array,
    mtl: Array,
    scale: Array,
    strata: NDArray[np.int64],
    draws: Draws,
    error: Error,
    cases: Sequence[tuple[Array, Array] | None] = (),
    level: float = 0.95,
) -> Aggregate:
    """Return mean and interquartile-mean gain and the probability of improvement, with their intervals.

    The interval of the mean is Student's t with the standard error given, which counts what verdicts count. Those
    of the other two take their shape from a bootstrap that draws whole seeds, with both sides of every pair and one
    draw for all tasks of a stratum, and, where they are known, whole test cases (Owen, Annals of Applied Statistics
    1, 2007). Their distances from the value are stretched or shrunk as those of the mean have to be so that they
    are its t interval: the bootstrap alone is too narrow with few seeds, does not know that splits share data, and
    counts the interaction of seeds and examples up to three times.

    Args:
        stl: (S, T) single-task values, oriented: more is better. NaN where a seed has none.
        mtl: (S, T) multi-task values likewise.
        scale: (T,) what makes a difference a gain: 100 / |mean stl| for percent, else NaN: such tasks count for the
            probability of improvement alone.
        strata: (T,) tasks with one number have seeds that are drawn together, as those that share baselines must.
            A seed that lacks one of its tasks is left out of its stratum.
        draws: RESAMPLES of seeds and test cases.
        error: of the mean gain.
        cases: by task the oriented values (S, M) of both sides by test case, NaN in seeds without them; tasks with
            equally many cases are drawn together. None for tasks of which they are not known.
        level: of the intervals.
    """
    whole = whole_seeds(~np.isnan(mtl - stl), strata)
    used: NDArray[np.bool_] = np.asarray(whole.any(axis=0))
    if not used.any():
        nothing = Estimate(np.nan, np.nan, np.nan)
        return Aggregate(nothing, nothing, nothing)
    both = [one for one, counts in zip(cases or [None] * len(used), used, strict=True) if counts]
    stl, mtl, scale, strata, whole = stl[:, used], mtl[:, used], scale[used], strata[used], whole[:, used]
    seen = (whole / whole.sum(axis=0))[None]
    values = _figures(seen, stl[None], mtl[None], whole, scale)[0]
    weights = draws.of_seeds(whole, strata)
    sides = _drawn_cases(stl, mtl, both, draws)
    parts = [slice(first, first + _AT_ONCE) for first in range(0, RESAMPLES, _AT_ONCE)]
    found = []
    for part in parts:
        alone, together = (side[part] if len(side) > 1 else side for side in sides)
        found.append(_figures(weights[part], alone, together, whole, scale))
    drawn = np.concatenate(found)
    drawn[:, np.isnan(values)] = np.nan
    if (whole.sum(axis=0) < 2).any():
        low, high = np.full((2, 3), np.nan)
    else:
        low, high = _bounds(values, drawn, error, level)
    return Aggregate(*(Estimate(*map(float, one)) for one in zip(values, low, high, strict=True)))


def _bounds(values: Array, drawn: Array, error: Error, level: float) -> tuple[Array, Array]:
    """Return bounds (3,), (3,): of the mean by Student's t, of the others stretched as the mean's have to be."""
    shares = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(drawn, shares, axis=0)
    half = special.stdtrit(error.freedom, shares[1]) * error.error
    spread = drawn[:, 0].std() * special.ndtri(shares[1])
    if np.isnan(values[0]) or np.isnan(half) or not spread > 0:
        return low, high
    stretch = half / spread
    low, high = values - stretch * (values - low), values + stretch * (high - values)
    low[0], high[0] = values[0] - half, values[0] + half
    low[2], high[2] = max(low[2], 0.0), min(high[2], 1.0)
    return low, high


def _drawn_cases(
    stl: Array, mtl: Array, cases: Sequence[tuple[Array, Array] | None], draws: Draws
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return values of both sides (B, S, T), or (1, S, T) where no cases are known, on test cases drawn anew."""
    if not any(one is not None for one in cases):
        return stl[None], mtl[None]
    sides = [np.repeat(side[None].astype(np.float32), RESAMPLES, axis=0) for side in (stl, mtl)]
    for task, both in enumerate(cases):
        for side, layout in zip(sides, both or (), strict=False):
            side[:, :, task] = draws.case_means(layout)
    return sides[0], sides[1]


def whole_seeds(known: NDArray[np.bool_], strata: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which cells (S, T) count: those of seeds that have all tasks of their stratum."""
    counted = np.zeros_like(known)
    for stratum in np.unique(strata):
        inside = strata == stratum
        counted[:, inside] = known[:, inside].all(axis=1, keepdims=True)
    return counted


def performance_profile(gains: Array, thresholds: Array) -> Array:
    """Return the share of runs whose gain is above each threshold (N,), for gains (S, T); tasks weigh the same.

    Agarwal et al., section 4.2, the score distribution. NaN gains do not count, nor do tasks without any.
    """
    known = ~np.isnan(gains)
    tasks = known.any(axis=0)
    above = (gains[..., None] > thresholds) & known[..., None]
    shares = above.sum(axis=0)[tasks] / known.sum(axis=0)[tasks, None]
    return shares.mean(axis=0) if tasks.any() else np.full(len(thresholds), np.nan)


def mean_rank(values: Array, tolerance: Array) -> Array:
    """Return the mean rank (K,) over tasks of settings with values (K, T), more is better; 1 is best.

    Values that are equal when rounded to their task's `tolerance` (T,) tie, and tied settings share the mean of
    their ranks. Tasks that lack a value of any setting are left out; NaN where none remains.
    """
    whole = ~np.isnan(values).any(axis=0)
    if not whole.any():
        return np.full(len(values), np.nan)
    rounded = np.round(values[:, whole] / tolerance[whole])
    above, equal = (
        compare(rounded[None], rounded[:, None]).sum(axis=1) for compare in (np.greater, np.equal)
    )
    return (above + (equal + 1) / 2).mean(axis=1)


def _figures(
    weights: Array,
    stl: NDArray[np.floating],
    mtl: NDArray[np.floating],
    whole: NDArray[np.bool_],
    scale: Array,
) -> Array:
    """Return mean, interquartile mean and probability of improvement (b, 3).

    Args:
        weights: (b, S, T) of the seeds.
        stl, mtl: (b, S, T), or (1, S, T) for all draws alike.
        whole: (S, T) which cells count.
        scale: (T,) as of `aggregate`.
    """
    alone, together = (np.where(whole, side, np.zeros((), side.dtype)) for side in (stl, mtl))
    each = (np.ascontiguousarray(one.transpose(2, 0, 1)) for one in (together, alone, weights))
    improvement = np.zeros(len(weights))
    for a, b, w in zip(*each, strict=True):  # by task, (b, S)
        above, upto = a[:, :, None] > b[:, None], a[:, :, None] >= b[:, None]
        wins = above.view(np.int8) + upto.view(np.int8)  # twice what a win or a tie counts
        improvement += (_products(w, wins) * w).sum(axis=1) / 2
    improvement = np.clip(improvement / len(scale), 0.0, 1.0)  # round-off
    scaled = ~np.isnan(scale)
    if not scaled.any():
        return np.stack([np.full(len(weights), np.nan)] * 2 + [improvement], axis=1)
    gains = np.where(whole, (together - alone) * scale, 0.0)[:, :, scaled]
    w = weights[:, :, scaled]
    mean = (w * gains).sum(axis=1).mean(axis=1)
    flat = gains.reshape(len(gains), -1)
    return np.stack([mean, _middle_half(w.reshape(len(w), -1), flat), improvement], axis=1)


def _products(weights: Array, wins: NDArray[np.int8]) -> Array:
    """Return weights (b, S) times matrices (b, S, S), or (1, S, S), of small whole numbers: (b, S)."""
    if len(wins) == 1:
        return weights @ wins[0].astype(float)
    return (weights[:, None].astype(np.float32) @ wins.astype(np.float32))[:, 0].astype(float)


def _middle_half(weights: Array, values: Array) -> Array:
    """Return the mean (b,) of the middle half of `values` (b, N), or (1, N), under weights (b, N)."""
    order = np.broadcast_to(np.argsort(values, axis=1), weights.shape)
    reached = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    inside = np.clip(reached / reached[:, -1:], 0.25, 0.75)
    ordered = np.take_along_axis(np.broadcast_to(values, weights.shape), order, axis=1)
    return 2 * (np.diff(inside, axis=1, prepend=0.25) * ordered).sum(axis=1)
