"""Corrections for several tests in one family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlrun.errors import ConfigError, Fault
from mtlrun.statistics.paired_tests.student import Array


def holm(p: Array) -> Array:
    """Return Holm's adjusted p values (T,): family-wise level alpha where they are compared with alpha.

    The k-th smallest of m is multiplied by m - k + 1, then made monotone and cut at 1 (Holm, Scandinavian
    Journal of Statistics 6, 1979). NaN is no test: it stays NaN and does not count.
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted = np.full_like(p, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def benjamini_hochberg(p: Array) -> Array:
    """Return adjusted p values (T,) that keep the false discovery rate: the expected share of false verdicts.

    The k-th smallest of m is multiplied by m / k, then made monotone from the largest down (Benjamini & Hochberg,
    Journal of the Royal Statistical Society B 57, 1995). Holds for independent or positively dependent tests
    (Benjamini & Yekutieli 2001). NaN is no test: it stays NaN and does not count.
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted = np.full_like(p, np.nan)
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted


def unadjusted(p: Array) -> Array:
    """Return the p values (T,) as they are: each test has its own level, so false alarms add up."""
    return p.copy()


class Correction(NamedTuple):
    """A correction.

    Attributes:
        adjust: p values (T,) of one family to adjusted ones.
        open_level: level that the smallest p must reach to be the next rejected, given alpha, the number of
            tests that are not rejected yet, and that of all; used to plan numbers of seeds.
        words: how a report calls p values that it made.
    """

    adjust: Callable[[Array], Array]
    open_level: Callable[[float, int, int], float]
    words: str


CORRECTIONS = {
    "holm": Correction(holm, lambda alpha, left, tests: alpha / max(left, 1), "adjusted by Holm"),
    "bh": Correction(
        benjamini_hochberg,
        lambda alpha, left, tests: alpha * min((tests - left + 1) / max(tests, 1), 1),
        "adjusted by Benjamini-Hochberg",
    ),
    "none": Correction(unadjusted, lambda alpha, left, tests: alpha, "not adjusted"),
}


def find_correction(name: str) -> Correction:
    """Return the correction called `name`.

    Raises:
        ConfigError: There is no such correction.
    """
    if name not in CORRECTIONS:
        raise ConfigError(
            [Fault("statistics.correction", "must name a correction", name, sorted(CORRECTIONS))]
        )
    return CORRECTIONS[name]


def adjust_by_family(p: Array, family: Sequence[str], correction: Correction) -> Array:
    """Return adjusted p values (T,); the tests whose entry of `family` (T,) agrees are corrected together."""
    adjusted = np.full_like(p, np.nan)
    for group in members(family):
        adjusted[group] = correction.adjust(p[group])
    return adjusted


def open_levels(p_adjusted: Array, family: Sequence[str], correction: Correction, alpha: float) -> Array:
    """Return per test (T,) the level that it faces next in its family, given what is rejected at `alpha`."""
    levels = np.empty(len(p_adjusted))
    for group in members(family):
        tested = p_adjusted[group][~np.isnan(p_adjusted[group])]
        levels[group] = correction.open_level(alpha, int((tested >= alpha).sum()), len(tested))
    return levels


def members(family: Sequence[str]) -> list[NDArray[np.intp]]:
    """Return the positions of each family's tests."""
    names, codes = np.unique(np.asarray(family, dtype=str), return_inverse=True)
    return [np.flatnonzero(codes == code) for code in range(len(names))]
