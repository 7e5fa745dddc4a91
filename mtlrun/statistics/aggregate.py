"""One figure for a benchmark of many tasks, with its error.

Agarwal, Schwarzer, Castro, Courville & Bellemare, Deep reinforcement learning at the edge of the statistical
precipice, NeurIPS 2021. Shape letters: S seeds, T tasks (a task of two suites counts twice), K settings, B resamples.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlrun.statistics.paired_tests.resamples import Draws
from mtlrun.statistics.paired_tests.student import Array

RESAMPLES = 1000
_PAIRS = 2**19
"""Pairs of runs, over all resamples, that are worked on together: what a core keeps near."""
_VALUES = 2**18
"""Gains, over all resamples, that are sorted together."""
_FEWEST = 32
"""Resamples that are worked on together however many runs there are."""


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
    whole = whole.T
    seen = (whole / whole.sum(axis=1, keepdims=True))[:, :, None]
    values = _figures(seen, stl.T[:, :, None], mtl.T[:, :, None], whole, scale)[0]
    weights = draws.of_seeds(whole.T, strata).T
    sides = _drawn_cases(stl, mtl, both, draws)
    at_once = max(_PAIRS // len(stl) ** 2, _FEWEST)
    found = []
    for first in range(0, RESAMPLES, at_once):
        part = slice(first, first + at_once)
        alone, together = (side[..., part] if side.shape[-1] > 1 else side for side in sides)
        found.append(_figures(weights[..., part], alone, together, whole, scale))
    drawn = np.concatenate(found)
    drawn[:, np.isnan(values)] = np.nan
    if (whole.sum(axis=1) < 2).any():
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
    """Return values of both sides (T, S, B), or (T, S, 1) where no cases are known, on test cases drawn anew."""
    if not any(one is not None for one in cases):
        return stl.T[:, :, None], mtl.T[:, :, None]
    sides = [np.empty((*side.T.shape, RESAMPLES), np.float32) for side in (stl, mtl)]
    means = iter(draws.case_means([layout for both in cases if both is not None for layout in both]))
    for task, both in enumerate(cases):
        for drawn, side in zip(sides, (stl, mtl), strict=True):
            drawn[task] = side[:, task, None] if both is None else next(means).T
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

    Resamples are the last axis, which lies together in memory.

    Args:
        weights: (T, S, b) of the seeds.
        stl, mtl: (T, S, b), or (T, S, 1) for all draws alike.
        whole: (T, S) which cells count.
        scale: (T,) as of `aggregate`.
    """
    if not whole.all():
        stl, mtl = (np.where(whole[:, :, None], side, np.zeros((), side.dtype)) for side in (stl, mtl))
    improvement = np.zeros(weights.shape[-1])
    for alone, together, w, known in zip(stl, mtl, weights, whole, strict=True):
        improvement += _improvement(alone, together, w, int(known.sum()))
    improvement = np.clip(improvement / len(scale), 0.0, 1.0)  # round-off
    scaled = ~np.isnan(scale)
    if not scaled.any():
        return np.stack([np.full(len(improvement), np.nan)] * 2 + [improvement], axis=1)
    alone, together, w = (
        (stl, mtl, weights) if scaled.all() else (stl[scaled], mtl[scaled], weights[scaled])
    )  # large: no copies
    scale = scale[scaled]
    found = []
    parts = -(-w.size // _VALUES)
    for part in np.array_split(np.arange(w.shape[-1]), min(parts, max(w.shape[-1] // _FEWEST, 1))):
        own = w[..., part[0] : part[-1] + 1]
        sides = (
            side[..., part[0] : part[-1] + 1] if side.shape[-1] > 1 else side for side in (together, alone)
        )
        gains = (next(sides) - next(sides)) * scale[:, None, None]
        mean = (own * gains).sum(axis=1).mean(axis=0)
        found.append((mean, _middle_half(own.reshape(-1, own.shape[-1]), gains.reshape(-1, gains.shape[-1]))))
    mean, middle = (np.concatenate(part) for part in zip(*found, strict=True))
    return np.stack([mean, middle, improvement], axis=1)


def _improvement(stl: NDArray[np.floating], mtl: NDArray[np.floating], weights: Array, n: int) -> Array:
    """Return the probability (b,) that a multi-task run beats a single-task run of one task; a tie counts half.

    Args:
        stl, mtl: (S, b), or (S, 1) for all draws alike.
        weights: (S, b), whole numbers divided by n.
        n: seeds that count.
    """
    alone, together = stl[None], mtl[:, None]
    wins = (together > alone).view(np.int8) + (together >= alone).view(
        np.int8
    )  # (S, S, b), twice what one counts
    if wins.shape[-1] == 1:
        return ((wins[..., 0].astype(float) @ weights) * weights).sum(axis=0) / 2
    counts = np.rint(weights * n).astype(np.min_scalar_type(-2 * n - 1))  # the shorter, the more at a time
    return ((wins * counts).sum(axis=1, dtype=counts.dtype) * weights).sum(axis=0) / (2 * n)


def _middle_half(weights: Array, values: NDArray[np.floating]) -> Array:
    """Return the mean (b,) of the middle half of `values` (N, b), or (N, 1), under weights (N, b)."""
    if values.shape[1] == 1:
        order = np.argsort(values[:, 0])
        ordered, placed = values[order].T, np.ascontiguousarray(weights[order].T)
    else:
        ordered, placed = _sorted_together(values.T, weights.T)
    reached = np.cumsum(placed, axis=1, dtype=float)
    reached /= reached[:, -1:].copy()
    np.clip(reached, 0.25, 0.75, out=reached)
    return 2 * np.einsum(
        "bn,bn->b", np.diff(reached, axis=1, prepend=0.25), np.broadcast_to(ordered, reached.shape)
    )


def _sorted_together(
    values: NDArray[np.floating], weights: Array
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each row of `values` (b, N) sorted, and its weights (b, N) in that order; in single precision.

    A value and its weight are sorted as one whole number, the bits of the value before those of the weight, since
    numbers are sorted some ten times faster than their places.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.int32)
    both = np.empty((*bits.shape, 2), np.int32)
    low, high = (0, 1) if sys.byteorder == "little" else (1, 0)
    both[..., high] = _in_order(bits)
    both[..., low] = weights.astype(np.float32).view(np.int32)
    both.view(np.int64)[..., 0].sort(axis=1)
    return _in_order(both[..., high]).view(np.float32), np.ascontiguousarray(both[..., low]).view(np.float32)


def _in_order(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the bits of floats as whole numbers in the same order, and such numbers as bits."""
    return bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
