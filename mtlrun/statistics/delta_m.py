"""Delta-m, the mean gain in percent over the tasks of a suite, with a paired bootstrap interval over seeds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mtlrun.statistics.student import Array


class DeltaM(NamedTuple):
    """Percent, positive is better: the value, its interval, and the number of seeds it rests on."""

    value: float
    low: float
    high: float
    n: int


def bootstrap_weights(n: int, resamples: int, rng: np.random.Generator) -> Array:
    """Return (resamples, n): each row is one draw of n seeds with replacement, as each seed's part of it."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n


def delta_m(stl: Array, mtl: Array, sign: Array, weights: Array, level: float = 0.95) -> DeltaM:
    """Return `mean_t 100 sign_t (mean MTL_t - mean STL_t) / |mean STL_t|` and its percentile interval.

    Maninis et al., Attentive single-tasking of multiple tasks, CVPR 2019, equation 4, with positive for better:
    ratios of means over seeds, never means of ratios. A resample draws whole seeds, with both sides and all
    tasks, so all pairing is kept.

    Args:
        stl: (S, T) single-task values, without NaN: a seed's row is whole or left out.
        mtl: (S, T) multi-task values of the same seeds.
        sign: (T,) 1 where higher is better, -1 where lower is.
        weights: (B, S) from `bootstrap_weights(S, ...)`.
        level: of the interval.

    Returns:
        The interval is NaN below two seeds; everything is NaN without seeds or tasks.
    """
    seeds, tasks = stl.shape
    if seeds == 0 or tasks == 0:
        return DeltaM(np.nan, np.nan, np.nan, seeds)
    value = _mean_gain(stl.mean(axis=0), mtl.mean(axis=0), sign)
    if seeds < 2:
        return DeltaM(float(value), np.nan, np.nan, seeds)
    drawn = _mean_gain(weights @ stl, weights @ mtl, sign)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return DeltaM(float(value), float(low), float(high), seeds)


def _mean_gain(stl: Array, mtl: Array, sign: Array) -> Array:
    """Return the mean over tasks (last axis) of the gains in percent of |stl|."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample of a metric with zeros may be all zeros
        return (100 * sign * (mtl - stl) / np.abs(stl)).mean(axis=-1)
