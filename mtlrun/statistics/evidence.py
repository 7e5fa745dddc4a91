"""What differences are seen on, and the tests that follow: over seeds, over seeds and examples, or over splits.

Shape letters: S seeds, T columns (rows of a report), n seeds of one column, m test examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlrun.statistics.methods import CrossedColumns, Method, check_resplit, find_method, make_method
from mtlrun.statistics.paired_tests.crossed import Crossed, crossed
from mtlrun.statistics.paired_tests.resampled import FLAT, ResampledT
from mtlrun.statistics.paired_tests.student import Array, Moments, moments
from mtlrun.statistics.settings import EXAMPLES, SEEDS, SPLITS, Statistics

Words = NDArray[np.str_]
Layouts = Sequence[Sequence[Array]]


class Tests(Protocol):
    """Tests and intervals of the means of T columns."""

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,) of the two-sided intervals at `level`; NaN where there is none."""
        ...

    def p_above(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean is at most `bound`"."""
        ...

    def p_below(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean is at least `bound`"."""
        ...


@dataclass(frozen=True)
class Differences:
    """T columns of paired differences.

    Attributes:
        d: (S, T) oriented, positive is better; NaN where a seed has none.
        size: (T,) what the metric's values are about, as |mean of the baseline|; NaN where that has no meaning.
        layouts: for each column its differences by test example, as of `paired_tests.crossed.crossed`, of the seeds
            that have one; none where they are not known.
        ratio: (T,) n_test / n_train where splits vary, else 0.
        split: (T, S) the split of each seed where splits vary; None where each has its own.
    """

    d: Array
    size: Array
    layouts: Layouts = ()
    ratio: Array = field(default_factory=lambda: np.zeros(0))
    split: NDArray[np.int64] | None = None

    @property
    def columns(self) -> int:
        """Return T."""
        return self.d.shape[1]

    @property
    def ratios(self) -> Array:
        """Return `ratio`, 0 where none was given."""
        return np.broadcast_to(self.ratio, self.columns) if len(self.ratio) else np.zeros(self.columns)

    def scopes(self, over: str) -> Words:
        """Return what each column's tests speak about (T,): `splits`, `examples` or `seeds`.

        Columns of which no scores by example are known can speak about seeds only.
        """
        known = [
            bool(column) and min(min(layout.shape) for layout in column) > 1
            for column in self.layouts or [()] * self.columns
        ]
        plain = np.where(np.array(known, dtype=bool) & (over != SEEDS), EXAMPLES, SEEDS)
        return np.where(self.ratios > 0, SPLITS, plain)

    def split_counts(self) -> Array:
        """Return how many splits each column was seen on (T,); NaN where splits do not vary."""
        split = self._splits()
        known = ~np.isnan(self.d.T)
        counts = [len(np.unique(one[there])) for one, there in zip(split, known, strict=True)]
        return np.where(self.ratios > 0, counts, np.nan)

    def resampled(self, at: NDArray[np.intp]) -> ByScope:
        """Return the tests over splits of some columns, those with the same splits together."""
        names, member = np.unique(self._splits()[at], axis=0, return_inverse=True)
        parts: list[tuple[NDArray[np.intp], Tests]] = []
        for number, one in enumerate(names):
            inside = np.flatnonzero(member.reshape(-1) == number)
            columns = at[inside]
            parts.append((inside, ResampledT(self.d[:, columns], one, self.ratios[columns])))
        return ByScope(len(at), parts)

    def draws(self) -> Moments:
        """Return how many seeds each column has (T,), with mean and standard deviation; of splits, of their means."""
        alone = moments(self.d)
        n, mean, sd = alone.n.copy(), alone.mean, alone.sd.copy()
        at = np.flatnonzero(self.ratios > 0)
        for inside, tests in self.resampled(at).parts if len(at) else ():
            assert isinstance(tests, ResampledT)
            _, between, _, count = tests.parts()
            n[at[inside]], sd[at[inside]] = count, np.sqrt(between)
        return Moments(n, mean, sd)

    def seeds_each(self) -> Array:
        """Return how many seeds (T,) a draw is: those of a split where splits vary, else 1."""
        seeds = self.d.shape[0] - np.isnan(self.d).sum(axis=0)
        return np.where(
            self.ratios > 0, np.ceil(seeds / np.maximum(np.nan_to_num(self.split_counts()), 1)), 1.0
        )

    def _splits(self) -> NDArray[np.int64]:
        """Return the split of each column and seed (T, S)."""
        each = np.arange(self.d.shape[0]) if self.split is None else self.split
        return np.broadcast_to(each, self.d.T.shape)

    def crossed(self) -> Crossed:
        """Return the analysis of variance of every column; NaN where no scores by example are known."""
        return crossed(self.layouts or [()] * self.columns)


def tests_of(differences: Differences, settings: Statistics, rng: np.random.Generator) -> Tests:
    """Return the tests of a study's method, each column's of its own scope.

    Args:
        differences: T columns.
        settings: method and scope.
        rng: for what the method draws.

    Raises:
        ConfigError: unknown method, or one that is not made for splits that vary.
    """
    scopes = differences.scopes(settings.over)
    if (scopes == SPLITS).any():
        check_resplit(settings.method)
    makers: dict[str, Callable[[NDArray[np.intp]], Tests]] = {
        SEEDS: lambda at: OverSeeds(make_method(settings.method, 0.0, rng), differences.d[:, at]),
        SPLITS: differences.resampled,
        EXAMPLES: lambda at: _over_examples(differences, at, settings.method, rng),
    }
    parts = [(np.flatnonzero(scopes == scope), maker) for scope, maker in makers.items()]
    return ByScope(differences.columns, [(at, maker(at)) for at, maker in parts if len(at)])


@dataclass(frozen=True)
class OverSeeds:
    """A method's tests on differences d (S, T) by seed."""

    method: Method
    d: Array

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,); NaN where all seeds agree, so that no error can be measured."""
        low, high = self.method.interval(self.d, level)
        flat = ~(high - low > FLAT * np.maximum(np.abs(low), np.abs(high)))
        return np.where(flat, np.nan, low), np.where(flat, np.nan, high)

    def p_above(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the centre is at most `bound`"."""
        return self.method.p_above(self.d, bound)

    def p_below(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the centre is at least `bound`"."""
        return self.method.p_above(-self.d, -np.asarray(bound))


@dataclass(frozen=True)
class ByScope:
    """Tests of T columns, put together from those of some columns each."""

    columns: int
    parts: Sequence[tuple[NDArray[np.intp], Tests]]

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,)."""
        low, high = np.full((2, self.columns), np.nan)
        for at, tests in self.parts:
            low[at], high[at] = tests.interval(level)
        return low, high

    def p_above(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean is at most `bound`"."""
        return self._spread(bound, lambda tests, own: tests.p_above(own))

    def p_below(self, bound: Array | float) -> Array:
        """Return one-sided p values (T,) against "the mean is at least `bound`"."""
        return self._spread(bound, lambda tests, own: tests.p_below(own))

    def _spread(self, bound: Array | float, p: Callable[[Tests, Array], Array]) -> Array:
        bounds = np.broadcast_to(np.asarray(bound, dtype=float), self.columns)
        found = np.full(self.columns, np.nan)
        for at, tests in self.parts:
            found[at] = p(tests, bounds[at])
        return found


def p_two_sided(tests: Tests) -> Array:
    """Return the two-sided p values (T,) against "the mean is 0": twice the smaller one-sided one."""
    return np.minimum(2 * np.minimum(tests.p_above(0.0), tests.p_below(0.0)), 1.0)


def p_equivalence(tests: Tests, margin: Array) -> Array:
    """Return p values (T,) against "the mean lies outside (-margin, margin)": the larger of two one-sided tests.

    NaN where the margin (T,), in the unit of the differences, is NaN. See `mtlrun.statistics.methods.equivalence`.
    """
    p = np.maximum(tests.p_above(-margin), tests.p_below(margin))
    return np.where(np.isnan(margin), np.nan, p)


def mean_error(differences: Differences, over: str) -> tuple[Array, Array]:
    """Return the standard errors of the means (T,) in each column's scope, and Student's degrees of freedom (T,)."""
    scopes = differences.scopes(over)
    n, _, sd = moments(differences.d)
    layout = differences.crossed()
    examples = scopes == EXAMPLES
    error = np.where(examples, np.sqrt(layout.variance), sd / np.sqrt(np.maximum(n, 1)))
    freedom = np.where(examples, layout.freedom, n - 1.0)
    at = np.flatnonzero(scopes == SPLITS)
    for inside, tests in differences.resampled(at).parts if len(at) else ():
        assert isinstance(tests, ResampledT)
        error[at[inside]], freedom[at[inside]] = tests.standard_error(), tests.parts()[3] - 1
    few = n < 2
    return np.where(few, np.nan, error), np.where(few, np.nan, np.maximum(freedom, 1.0))


def student_intervals(differences: Differences, over: str, level: float) -> tuple[Array, Array]:
    """Return Student's t intervals (T,), (T,) of the means, whatever the study's method; NaN without spread."""
    error, freedom = mean_error(differences, over)
    mean = moments(differences.d).mean
    half = np.where(error > 0, special.stdtrit(freedom, (1 + level) / 2) * error, np.nan)
    return mean - half, mean + half


def variance_shares(differences: Differences, layout: Crossed, scopes: Words) -> dict[str, Array]:
    """Return which part of the variance of each mean (T,) is due to what, from 0 to 1; NaN where it is not known.

    `share_seeds`, `share_examples` and `share_both` (their interaction, which more of either makes smaller) add up to
    1 over examples. Over splits it is `share_splits` (the training and test data drawn) and `share_seeds`; with one
    seed a split all counts as splits. Over seeds all is theirs.
    """
    columns = differences.columns
    shares = {name: np.full(columns, np.nan) for name in ("seeds", "examples", "both", "splits")}
    alone = scopes == SEEDS
    shares["seeds"][alone] = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.array(layout.shares()) / np.sum(layout.shares(), axis=0)
    for name, part in zip(("seeds", "examples", "both"), parts, strict=True):
        shares[name] = np.where(scopes == EXAMPLES, part, shares[name])
    at = np.flatnonzero(scopes == SPLITS)
    for inside, tests in differences.resampled(at).parts if len(at) else ():
        assert isinstance(tests, ResampledT)
        _, between, seeds, k = tests.parts()
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.minimum(seeds, between) / np.maximum(k, 1) / tests.standard_error() ** 2
        shares["seeds"][at[inside]], shares["splits"][at[inside]] = part, 1 - part
    known = differences.d.shape[0] - np.isnan(differences.d).sum(axis=0) > 1
    return {f"share_{name}": np.where(known, values, np.nan) for name, values in shares.items()}


def _over_examples(
    differences: Differences, at: NDArray[np.intp], method: str, rng: np.random.Generator
) -> Tests:
    columns = [differences.layouts[place] for place in at]
    size = np.abs(differences.size[at])
    given = CrossedColumns(crossed(columns), size, columns, differences.d[:, at])
    tests: Tests = find_method(method).crossed(given, rng)
    return tests
