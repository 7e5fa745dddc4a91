"""One figure for a benchmark of many tasks, with what resampling the seeds says of it.

Agarwal, Schwarzer, Castro, Courville & Bellemare, Deep reinforcement learning at the edge of the statistical
precipice, NeurIPS 2021. Shape letters: S seeds, T tasks (a task of two suites counts twice), K settings, B resamples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd  # for ranks: scipy.stats takes a second to import
from numpy.typing import NDArray

from mtlrun.statistics.student import Array

RESAMPLES = 2000
_AT_ONCE = 100


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


def aggregate(
    stl: Array,
    mtl: Array,
    scale: Array,
    strata: NDArray[np.int64],
    rng: np.random.Generator,
    level: float = 0.95,
) -> Aggregate:
    """Return mean and interquartile-mean gain and the probability of improvement, with bootstrap intervals.

    A resample draws whole seeds, with both sides of every pair, and one draw for all tasks of a stratum; strata
    are drawn apart (stratified bootstrap). Intervals are percentile intervals: with under 10 seeds too narrow.

    Args:
        stl: (S, T) single-task values, oriented: more is better. NaN where a seed has none.
        mtl: (S, T) multi-task values likewise.
        scale: (T,) what makes a difference a gain: 100 / |mean stl| for percent, else NaN: such tasks count for the
            probability of improvement alone.
        strata: (T,) tasks with one number have seeds that are drawn together, as those that share baselines must.
            A seed that lacks one of its tasks is left out of its stratum.
        rng: draws the resamples.
        level: of the intervals.
    """
    whole = whole_seeds(~np.isnan(mtl - stl), strata)
    used = whole.any(axis=0)
    stl, mtl, scale, strata, whole = stl[:, used], mtl[:, used], scale[used], strata[used], whole[:, used]
    if not used.any():
        nothing = Estimate(np.nan, np.nan, np.nan)
        return Aggregate(nothing, nothing, nothing)
    gains = np.where(whole, (mtl - stl) * scale, 0.0)
    places = _places(np.where(whole, stl, 0.0), np.where(whole, mtl, 0.0))
    seen = (whole / whole.sum(axis=0))[None]
    values = _figures(seen, gains, places)[0]
    drawn = np.concatenate([_figures(w, gains, places) for w in _resamples(whole, strata, rng)])
    drawn[:, np.isnan(values)] = np.nan
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    if (whole.sum(axis=0) < 2).any():
        low, high = np.full((2, 3), np.nan)
    return Aggregate(*(Estimate(*map(float, one)) for one in zip(values, low, high, strict=True)))


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
    return pd.DataFrame(rounded).rank(ascending=False).mean(axis=1).to_numpy()


def _resamples(
    whole: NDArray[np.bool_], strata: NDArray[np.int64], rng: np.random.Generator
) -> Iterator[Array]:
    """Yield weights (b, S, T), in all RESAMPLES: how often a seed was drawn, as a part of its column."""
    for _ in range(RESAMPLES // _AT_ONCE):
        weights = np.zeros((_AT_ONCE, *whole.shape))
        for stratum in np.unique(strata):
            inside = np.flatnonzero(strata == stratum)
            seeds = np.flatnonzero(whole[:, inside[0]])
            n = len(seeds)
            drawn = rng.multinomial(n, np.full(n, 1 / n), size=_AT_ONCE) / n
            weights[:, seeds[:, None], inside] = drawn[:, :, None]
        yield weights


class _Places(NamedTuple):
    """By task, (S, T): seeds in the order of their single-task value; how many of these each multi-task value beats,
    and how many it at least equals."""

    order: NDArray[np.intp]
    beaten: NDArray[np.intp]
    equalled: NDArray[np.intp]


def _places(stl: Array, mtl: Array) -> _Places:
    order = np.argsort(stl, axis=0)
    columns = list(zip(np.sort(stl, axis=0).T, mtl.T, strict=True))
    beaten, equalled = (
        np.stack([np.searchsorted(one, values, side) for one, values in columns], axis=1)
        for side in ("left", "right")
    )
    return _Places(order, beaten, equalled)


def _figures(weights: Array, gains: Array, places: _Places) -> Array:
    """Return mean, interquartile mean and probability of improvement (b, 3) under weights (b, S, T)."""
    scaled = ~np.isnan(gains).any(axis=0)
    w, g = weights[:, :, scaled], gains[:, scaled]
    reached = np.cumsum(np.take_along_axis(weights, places.order[None], axis=1), axis=1)
    reached = np.concatenate([np.zeros_like(reached[:, :1]), reached], axis=1)
    chance = [np.take_along_axis(reached, at[None], axis=1) for at in (places.beaten, places.equalled)]
    improvement = (weights * (chance[0] + chance[1]) / 2).sum(axis=1).mean(axis=1)
    if not scaled.any():
        return np.stack([np.full(len(weights), np.nan)] * 2 + [improvement], axis=1)
    mean = (w * g).sum(axis=1).mean(axis=1)
    return np.stack([mean, _middle_half(w.reshape(len(w), -1), g.ravel()), improvement], axis=1)


def _middle_half(weights: Array, values: Array) -> Array:
    """Return the mean (b,) of the middle half of `values` (N,) under weights (b, N)."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[:, order], axis=1)
    inside = np.clip(reached / reached[:, -1:], 0.25, 0.75)
    return 2 * (np.diff(inside, axis=1, prepend=0.25) @ values[order])
