"""Seeds crossed with test examples: the variance of a mean difference in which both are drawn, and Student's t on it.

Every seed is tested on the same examples, so the differences form a two-way layout without replication: n seeds,
m examples (or groups, or blocks of them). A study of several readers who judge the same cases has the same form
(Dorfman, Berbaum & Metz, Investigative Radiology 27, 1992; Obuchowski & Rockette, Communications in Statistics 24,
1995; Hillis, Statistics in Medicine 26, 2007; Gallas, Academic Radiology 13, 2006).

Shape letters: n seeds, m examples, T columns (rows of a report).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlrun.statistics.paired_tests.student import Array

COLLAPSED = 1e-4
_TOGETHER = 256  # columns


@dataclass(frozen=True)
class Crossed:
    """Mean differences and what their variance is made of; every attribute is (T,), NaN where there is no layout.

    Attributes:
        n: seeds.
        m: examples; of several sets of examples the smallest.
        mean: of the differences.
        seed: part of the variance of the mean that is seen between seeds, `MSs / (n m)`.
        example: part that is seen between examples, `MSi / (n m)`.
        rest: what both parts hold of the interaction of seeds and examples, `MSe / (n m)`.
        example_square: `example^2 / (m - 1)`, summed over sets of examples.
        rest_square: `rest^2 / ((n - 1) (m - 1))`, summed likewise.
    """

    n: Array
    m: Array
    mean: Array
    seed: Array
    example: Array
    rest: Array
    example_square: Array
    rest_square: Array

    def of(self, at: NDArray[np.intp]) -> Crossed:
        """Return some of the columns."""
        return Crossed(*(getattr(self, field.name)[at] for field in fields(self)))

    @property
    def variance(self) -> Array:
        """Variance of the mean: `max(MSs + MSi - MSe, MSs, MSi) / (n m)`."""
        return np.maximum(self.seed + self.example - self.rest, np.maximum(self.seed, self.example))

    @property
    def freedom(self) -> Array:
        """Degrees of freedom of Student's t, after Satterthwaite (Biometrics 2, 1946); at least min(n, m) - 1."""
        squares = self.seed**2 / (self.n - 1) + self.example_square + self.rest_square
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (self.seed + self.example - self.rest) ** 2 / squares
        return np.fmax(found, np.minimum(self.n, self.m) - 1)

    def shares(self) -> tuple[Array, Array, Array]:
        """Variance components of the mean: of seeds alone, of examples alone, and of their interaction, (T,) each.

        Estimates by the method of moments, not below 0.
        """
        return (
            np.maximum(self.seed - self.rest, 0.0),
            np.maximum(self.example - self.rest, 0.0),
            self.rest,
        )

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the bounds (T,), (T,) of the two-sided interval of the mean; NaN where nothing varies."""
        half = special.stdtrit(self.freedom, (1 + level) / 2) * np.sqrt(self.variance)
        half = np.where(self.collapsed(np.abs(self.mean)), np.nan, half)
        return self.mean - half, self.mean + half

    def collapsed(self, distance: Array) -> NDArray[np.bool_]:
        """Return where the standard error is so small beside a distance (T,) that it measures no error."""
        return np.sqrt(self.variance) <= COLLAPSED * np.abs(distance)

    def p_above(self, bound: Array, size: Array) -> Array:
        """Return one-sided p values (T,) against "the mean is at most `bound`".

        Where all differences agree there is no spread to measure error with. Then p is at least that of a sign test
        over seeds, `2^-n`, and at least the chance `(1 - q)^m` to see no exception in m examples if a share
        q = |mean - bound| / size of them were one.

        Args:
            bound: (T,) in the unit of the differences.
            size: (T,) what the metric's values are about, as |mean of the baseline|; NaN where it has no meaning.
        """
        distance = self.mean - bound
        error = np.sqrt(self.variance)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(distance == 0, 0.0, distance / error)
        p = special.stdtr(self.freedom, -t)
        floor = np.minimum(np.maximum(0.5**self.n, (1 - share_of(distance, size)) ** self.m), 0.5)
        return np.where(self.collapsed(distance), np.clip(p, floor, 1 - floor), p)


def share_of(distance: Array, size: Array) -> Array:
    """Return the share (T,) of examples that must differ for a mean `distance` away; 1 where it is not known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.clip(np.abs(distance) / np.abs(size), 0.0, 1.0), nan=1.0)


def crossed(layouts: Sequence[Sequence[Array]]) -> Crossed:
    """Return the analysis of T columns.

    Args:
        layouts: for each column its layouts of differences (n, m_k), n of at least 2: one for each set of examples,
            the column's value being the sum of their means. Layouts of one column have the same seeds in the same
            order. A column without layouts, or with fewer than 2 seeds or examples, is NaN.
    """
    found = np.full((len(layouts), len(fields(Crossed))), np.nan)
    alike: dict[tuple[int, ...], list[int]] = {}  # columns of one layout, by its shape
    for place, column in enumerate(layouts):
        if len(column) == 1 and min(column[0].shape) > 1:
            alike.setdefault(column[0].shape, []).append(place)
        else:
            found[place] = _column(column)
    for members in alike.values():
        for begin in range(0, len(members), _TOGETHER):
            at = members[begin : begin + _TOGETHER]
            found[at] = _columns(np.stack([layouts[place][0] for place in at]))
    return Crossed(*np.ascontiguousarray(found.T))


def _columns(layouts: Array) -> Array:
    """Return what `_column` does for k columns with one layout each, (k, n, m): (k, 8)."""
    count, n, m = layouts.shape
    means = layouts.mean(axis=2)
    away = layouts - means[:, :, None]
    by_example = away.mean(axis=1)
    example = n * np.array([one @ one for one in by_example])
    whole = np.array([np.einsum("nm,nm->", one, one) for one in away])
    rest = np.maximum(whole - example, 0.0) / ((n - 1) * (m - 1)) / (n * m)
    example = example / (m - 1) / (n * m)
    seed = means.var(axis=1, ddof=1) / n
    squares = example**2 / (m - 1), rest**2 / ((n - 1) * (m - 1))
    shape = np.full(count, n), np.full(count, m)
    return np.stack([*shape, means.mean(axis=1), seed, example, rest, *squares], axis=1)


def _column(layouts: Sequence[Array]) -> tuple[float, ...]:
    if not layouts or min(min(layout.shape) for layout in layouts) < 2:
        return (np.nan,) * 8
    n = len(layouts[0])
    by_seed = np.sum([layout.mean(axis=1) for layout in layouts], axis=0)
    examples, rests, example_square, rest_square = 0.0, 0.0, 0.0, 0.0
    for layout in layouts:
        m = layout.shape[1]
        example, rest = _mean_squares(layout)
        example, rest = example / (n * m), rest / (n * m)
        examples, rests = examples + example, rests + rest
        example_square += example**2 / (m - 1)
        rest_square += rest**2 / ((n - 1) * (m - 1))
    smallest = min(layout.shape[1] for layout in layouts)
    seed = by_seed.var(ddof=1) / n
    return n, smallest, by_seed.mean(), seed, examples, rests, example_square, rest_square


def _mean_squares(layout: Array) -> tuple[float, float]:
    """Return the mean squares of examples and of the interaction of a layout (n, m)."""
    n, m = layout.shape
    away = layout - layout.mean(axis=1, keepdims=True)  # seeds' means would cost precision
    by_example = away.mean(axis=0)
    example = n * (by_example @ by_example)
    whole = np.einsum("nm,nm->", away, away)
    rest = max(whole - example, 0.0)
    return example / (m - 1), rest / ((n - 1) * (m - 1))
