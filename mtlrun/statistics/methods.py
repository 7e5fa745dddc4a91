"""What a test on paired differences must offer, and the tests by name.

A method knows nothing of metrics, margins or verdicts: it gives an interval of the mean and a one-sided p value
against any bound. The two-sided test and the equivalence test follow from these. These are tests over seeds;
`mtlrun.statistics.evidence` has those that count test examples and splits too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from mtlrun.errors import ConfigError, Fault
from mtlrun.statistics.paired_tests.bootstrap import Bootstrap
from mtlrun.statistics.paired_tests.crossed import Crossed
from mtlrun.statistics.paired_tests.crossed_tests import CrossedAnytime, CrossedBootstrap, CrossedT
from mtlrun.statistics.paired_tests.sequential import Anytime
from mtlrun.statistics.paired_tests.sign_flip import SignFlip
from mtlrun.statistics.paired_tests.student import Array, StudentT
from mtlrun.statistics.paired_tests.wilcoxon import Wilcoxon


class Method(Protocol):
    """A test and interval for the centre of each column of paired differences d (S, T), S seeds.

    What the centre is each method says; it is the mean where the differences are symmetric. NaN for columns that
    are too short.
    """

    def interval(self, d: Array, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,) of the two-sided interval at `level`."""
        ...

    def p_above(self, d: Array, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the centre is at most `bound`"."""
        ...


class CrossedColumns(NamedTuple):
    """T columns of differences over seeds and examples.

    Attributes:
        layout: their analysis of variance.
        size: (T,) what the metric's values are about.
        columns: the layouts of each column, as of `mtlrun.statistics.paired_tests.crossed.crossed`.
        d: (S, T) by seed.
    """

    layout: Crossed
    size: Array
    columns: Sequence[Sequence[Array]]
    d: Array


class Kind(NamedTuple):
    """A kind of method, and what planning needs to know of it.

    Attributes:
        make: makes it from `ratio` (T,), which is n_test / n_train where splits vary with the seed, else 0, and
            from a Generator for what it draws.
        words: how a report calls its tests.
        resplit: whether it is made for splits that vary with the seed.
        seeds: how many seeds it needs where the t test needs one, for normal differences and a power of 0.8.
        counts: whether its one-sided p is at least 2^-n from n seeds.
        mean: whether it is about the mean where differences are skewed and seeds are many; else it is about another
            centre then, and more seeds only make it surer of that one.
        looks: whether its p-values hold when it is repeated as seeds are added.
        crossed: makes its tests over seeds and examples.
    """

    make: Callable[[Array | float, np.random.Generator], Method]
    words: str
    resplit: bool = False
    seeds: float = 1.0
    counts: bool = True
    mean: bool = True
    looks: bool = False
    crossed: Callable[[CrossedColumns, np.random.Generator], Any] = lambda of, rng: CrossedT(
        of.layout, of.size
    )


METHODS = {
    "paired_t": Kind(lambda ratio, rng: StudentT(ratio), "paired t tests", resplit=True, counts=False),
    "bootstrap": Kind(
        lambda ratio, rng: Bootstrap(rng),
        "the paired bootstrap (BCa)",
        crossed=lambda of, rng: CrossedBootstrap(of.layout, of.size, of.columns, rng),
    ),
    "sign_flip": Kind(lambda ratio, rng: SignFlip(rng), "sign-flip tests"),
    "wilcoxon": Kind(
        lambda ratio, rng: Wilcoxon(), "signed-rank tests (Wilcoxon)", seeds=math.pi / 3, mean=False
    ),
    "anytime": Kind(
        lambda ratio, rng: Anytime(),
        "anytime-valid sequential tests",
        seeds=1.7,
        mean=False,
        looks=True,
        crossed=lambda of, rng: CrossedAnytime(of.layout, of.d, of.size),
    ),
}
"""By name. Wilcoxon's 1/efficiency is pi/3 (Hodges & Lehmann 1956); that of `anytime` is measured."""


def find_method(name: str) -> Kind:
    """Return the kind of method called `name`.

    Raises:
        ConfigError: There is no such method.
    """
    if name not in METHODS:
        raise ConfigError([Fault("statistics.method", "must name a test", name, sorted(METHODS))])
    return METHODS[name]


def make_method(name: str, ratio: Array | float, rng: np.random.Generator) -> Method:
    """Return the method called `name`.

    Raises:
        ConfigError: There is no such method, or splits vary with the seed and it is not made for that.
    """
    kind = find_method(name)
    if np.any(np.asarray(ratio) > 0):
        check_resplit(name)
    return kind.make(ratio, rng)


def check_resplit(name: str) -> None:
    """Raise unless the method called `name` is made for splits that vary with the seed.

    Then the differences share their data and are correlated, about as `1 / (1 + n_train / n_test)`. Resampling
    seeds, flipping signs or ranking them takes them as independent, and cries wolf (23 to 49 % instead of 5).

    Raises:
        ConfigError: it is not, or there is no such method.
    """
    if not find_method(name).resplit:
        rule = "must be a test that allows for splits that vary (suite.resplit, suite.splits)"
        raise ConfigError(
            [Fault("statistics.method", rule, name, [n for n, kind in METHODS.items() if kind.resplit])]
        )


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
