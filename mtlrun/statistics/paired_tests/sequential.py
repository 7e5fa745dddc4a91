"""An anytime-valid sequential test, for `statistics=anytime` and for stopping early."""

from __future__ import annotations

import numpy as np

from mtlrun.statistics.paired_tests.columns import Columnwise
from mtlrun.statistics.paired_tests.student import Array

BETS = (0.2, 0.4, 0.8, 1.6)
"""Standardised means that are bet on, with equal stakes."""

_CLIP = 2.5
_HALVINGS = 60


class Anytime(Columnwise):
    r"""Test and interval that hold after every seed at once, for differences symmetric about one centre.

    For a centre c and a bet b a gambler's wealth after n seeds is

        M_n(c, b) = prod_i (1 + tanh(b z_i)),   z_i = clip((d_i - c) / s_{i-1}, -2.5, 2.5)

    with s_{i-1} the standard deviation of the seeds before the i-th, and z_i the sign of `d_i - c` for the first
    two. Were c the centre, z_i would be symmetric about 0 given the seeds before, and each factor 1 in the mean:
    M_n is a nonnegative martingale, so by Ville's inequality `P(max_n M_n >= 1/alpha) <= alpha`, however often
    and for whatever reason one looks or stops. Neither a normal distribution nor a known variance is needed, nor
    any moment (de la Pena, The Annals of Probability 27, 1999; Ramdas, Ruf, Larsson & Koolen, arXiv:2009.03167).
    `1 + tanh(b x)` is the likelihood ratio of the sign of x, given its size, for a normal distribution: what a
    t test could win from the signs. M_n is the mean over b = 0.2, 0.4, 0.8, 1.6.

    No factor grows with c, since s does not depend on it. So M_n(c) is small too where the centre is below c:

        p(c) = 1 / max_{k <= n} M_k(c)

    is an always-valid one-sided p value against "the centre is at most c" (Howard, Ramdas, McAuliffe & Sekhon, The
    Annals of Statistics 49, 2021), and the c that it does not reject, from either side, are an interval that
    covers the centre after all seeds at once with probability `level`. p values that are valid at every time stay
    so under Holm's correction: with level alpha over a family, no true null of it is ever rejected, except
    with probability alpha.

    Order matters: rows are seeds in the order in which they were added. p never rises with more of them.
    One-sided p is at least 2^-n. Below seven seeds there is no 95 % interval; nor where the differences moved so
    much between early and late seeds that no centre is left.
    """

    def p_of(self, x: Array, bound: Array) -> Array:
        return _p_above(x, _scale(x), bound)

    def interval_of(self, x: Array, level: float) -> tuple[Array, Array]:
        scale = _scale(x)
        low = _lowest(x, scale, (1 - level) / 2)
        high = -_lowest(-x, scale, (1 - level) / 2)
        empty = ~(low <= high)
        return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def _scale(x: Array) -> Array:
    """Return for each row of x (n, k) the standard deviation of the rows before it; 0 where none is known."""
    before = np.arange(len(x))[:, None]
    away = x - x[0]  # a large offset would cost precision
    total, squares = np.cumsum(away, axis=0) - away, np.cumsum(away**2, axis=0) - away**2
    variance = (squares - total**2 / np.maximum(before, 1)) / np.maximum(before - 1, 1)
    round_off = variance <= 1e-13 * squares
    return np.where((before < 2) | round_off, 0.0, np.sqrt(np.maximum(variance, 0.0)))


def _p_above(x: Array, scale: Array, bound: Array) -> Array:
    away = x - bound
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(scale > 0, np.clip(away / scale, -_CLIP, _CLIP), np.sign(away))
    wealth = np.mean([np.cumprod(1 + np.tanh(bet * z), axis=0) for bet in BETS], axis=0)
    return 1 / np.maximum(wealth.max(axis=0), 1.0)


def _lowest(x: Array, scale: Array, level: float) -> Array:
    """Return the smallest centre (k,) that is not rejected at `level`, by halving; NaN where none is rejected."""
    low, high = x.min(axis=0) - 1.01 * _CLIP * scale.max(axis=0), x.max(axis=0)
    low = low - np.maximum(
        1e-9 * (np.abs(low) + np.abs(high)), np.finfo(float).tiny
    )  # below all, also below 0s
    bounded = _p_above(x, scale, low) <= level
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rejected = _p_above(x, scale, middle) <= level
        low, high = np.where(rejected, middle, low), np.where(rejected, high, middle)
    return np.where(bounded, high, np.nan)
