"""What a test on paired differences must offer, and the tests by name.

A method knows nothing of metrics, margins or verdicts: it gives an interval of the mean and a one-sided p value
against any bound. The two-sided test and the equivalence test follow from these.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from mtlrun.errors import ConfigError, Fault
from mtlrun.statistics.student import Array, StudentT


class Method(Protocol):
    """A test and interval for the mean of each column of paired differences d (S, T), S seeds."""

    def interval(self, d: Array, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,) of the two-sided interval at `level`."""
        ...

    def p_above(self, d: Array, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean is at most `bound`"."""
        ...


METHODS = {"paired_t": StudentT}
"""By name, what makes a method from `ratio` (T,): n_test / n_train where splits vary with the seed, else 0."""


def make_method(name: str, ratio: Array | float) -> Method:
    """Return the method called `name`.

    Raises:
        ConfigError: There is no such method.
    """
    if name not in METHODS:
        raise ConfigError([Fault("statistics.method", "must name a test", name, sorted(METHODS))])
    return METHODS[name](ratio)


def two_sided(method: Method, d: Array) -> Array:
    """Return the two-sided p values (T,) against "the mean of d (S, T) is 0": twice the smaller one-sided one."""
    return np.minimum(2 * np.minimum(method.p_above(d, 0.0), method.p_above(-d, 0.0)), 1.0)


def equivalence(method: Method, d: Array, margin: Array) -> Array:
    """Return p values (T,) against "the mean of d (S, T) lies outside (-margin, margin)".

    Two one-sided tests (Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 1987): the larger of the p
    values against "at most -margin" and "at least margin". NaN where the margin (T,), in the unit of d, is NaN.
    """
    p = np.maximum(method.p_above(d, -margin), method.p_above(-d, -margin))
    return np.where(np.isnan(margin), np.nan, p)
