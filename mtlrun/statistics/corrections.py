"""Corrections for several tests in one family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlrun.errors import ConfigError, Fault
from mtlrun.statistics.student import Array


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


def _holm_level(alpha: float, open_tests: int) -> float:
    return alpha / max(open_tests, 1)


class Correction(NamedTuple):
    """A correction.

    Attributes:
        adjust: p values (T,) of one family to adjusted ones.
        open_level: level that the smallest p must reach to be the next rejected, given alpha and the number of
            tests that are not rejected yet; used to plan numbers of seeds.
    """

    adjust: Callable[[Array], Array]
    open_level: Callable[[float, int], float]


CORRECTIONS = {"holm": Correction(holm, _holm_level)}


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
    for members in _members(family):
        adjusted[members] = correction.adjust(p[members])
    return adjusted


def open_levels(p_adjusted: Array, family: Sequence[str], correction: Correction, alpha: float) -> Array:
    """Return per test (T,) the level that it faces next in its family, given what is rejected at `alpha`."""
    levels = np.empty(len(p_adjusted))
    for members in _members(family):
        tested = p_adjusted[members][~np.isnan(p_adjusted[members])]
        levels[members] = correction.open_level(alpha, int((tested >= alpha).sum()))
    return levels


def _members(family: Sequence[str]) -> list[NDArray[np.intp]]:
    names, codes = np.unique(np.asarray(family, dtype=str), return_inverse=True)
    return [np.flatnonzero(codes == code) for code in range(len(names))]
