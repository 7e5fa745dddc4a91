"""Delta-m, the mean gain in percent over the tasks of a suite, as a difference that can be tested like any other.

Maninis et al., Attentive single-tasking of multiple tasks, CVPR 2019, equation 4, with positive for better. Shape
letters: S seeds, T tasks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mtlrun.statistics.paired_tests.student import Array


class DeltaM(NamedTuple):
    """Delta-m and its linear form: `value + sum_t (multi_t MTL_t - single_t STL_t)`, which is `value` at the means.

    Attributes:
        value: percent, positive is better.
        multi, single: (T,) what a unit of a task's multi-task and single-task value changes.
    """

    value: float
    multi: Array
    single: Array

    def of(self, stl: Array, mtl: Array) -> Array:
        """Return the linear form of values whose last axis is T: one for each seed, or seed and example."""
        return self.value + mtl @ self.multi - stl @ self.single


def delta_m(stl: Array, mtl: Array, sign: Array) -> DeltaM:
    """Return `mean_t 100 sign_t (mean MTL_t - mean STL_t) / |mean STL_t|`: ratios of means, never means of ratios.

    Its first-order expansion about the means (the delta method) makes it a mean over seeds and examples, so that its
    error is found as that of every other difference; the baseline's part in the denominator counts too.

    Args:
        stl: (S, T) single-task values, without NaN: a seed's row is whole or left out.
        mtl: (S, T) multi-task values of the same seeds.
        sign: (T,) 1 where higher is better, -1 where lower is.

    Returns:
        All NaN without seeds or tasks.
    """
    seeds, tasks = stl.shape
    if not seeds or not tasks:
        return DeltaM(np.nan, np.full(tasks, np.nan), np.full(tasks, np.nan))
    alone, together = stl.mean(axis=0), mtl.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        multi = 100 * sign / np.abs(alone) / tasks
        single = multi * together / alone
        value = (multi * (together - alone)).sum()
    return DeltaM(float(value), multi, single)
