"""How many seeds or test examples the anytime test over both needs: its two bounds, and the spread of the mean.

Shape letters: T columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlrun.statistics.paired_tests.crossed import Crossed
from mtlrun.statistics.paired_tests.student import Array

MOST_SEEDS, MOST_EXAMPLES = 1e6, 1e9
_HALVINGS = 60


@dataclass(frozen=True)
class AnytimeNeeds:
    """What the anytime test (`crossed_tests.CrossedAnytime`) needs, from the variance seen so far.

    With N seeds and M examples it decides with a given power where the distance to what is tested is

        t(M - 1) sqrt(E) + z sqrt(f S / N) + z_power sqrt(A + f S / N)

    or more: how far examples may be off, how far seeds may be off, and the spread of the mean. A is the variance due
    to examples alone, S that of one seed on these examples, E = A + (interaction) / N, and f the factor by which
    its part over seeds needs more of them than the t test. Both parts are at half the level.

    Attributes:
        layout: the analysis of variance.
        factor: f.
        distance: (T,) to what is tested; not above 0 for none.
        level: (T,) one-sided, of each part.
        spread: normal quantile of the power.
    """

    layout: Crossed
    factor: float
    distance: Array
    level: Array
    spread: float

    def seeds(self) -> Array:
        """Return the number of seeds (T,) with the examples that there are; infinity where none is enough."""
        return self._fewest(
            lambda n: self._enough(n, self.layout.m), np.full_like(self.layout.m, 2.0), MOST_SEEDS
        )

    def examples(self) -> Array:
        """Return the number of examples (T,) with as many seeds as now; where none is enough, with many more seeds.

        Infinity where that is not enough either.
        """
        least = self.layout.m + 1
        now = self._fewest(lambda m: self._enough(self.layout.n, m), least, MOST_EXAMPLES)
        many = self._fewest(lambda m: self._enough(self.layout.n * 2, m), least, MOST_EXAMPLES)
        return np.where(np.isfinite(now), now, many)

    def _enough(self, n: Array, m: Array) -> NDArray[np.bool_]:
        of_seed, of_example, both = self.layout.shares()
        alone = of_example * self.layout.m / m
        both = both * self.layout.m / m * self.layout.n  # of one seed
        of_seeds = self.factor * (of_seed * self.layout.n + both) / n
        bounds = -special.stdtrit(m - 1, self.level) * np.sqrt(alone + both / n)
        bounds = bounds - special.ndtri(self.level) * np.sqrt(of_seeds)
        return bounds + self.spread * np.sqrt(alone + of_seeds) <= self.distance

    def _fewest(self, enough: Callable[[Array], NDArray[np.bool_]], least: Array, most: float) -> Array:
        """Return the smallest number (T,) from `least` that is enough, by halving on a log scale."""
        low, high = np.log(least), np.full_like(least, np.log(most))
        possible, already = enough(np.exp(high)), enough(least)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            good = enough(np.exp(middle))
            low, high = np.where(good, low, middle), np.where(good, middle, high)
        return np.where(already, least, np.where(possible, np.exp(high), np.inf))


def anytime_needs(
    layout: Crossed, mean: Array, margin: Array, level: Array, power: float, factor: float
) -> tuple[AnytimeNeeds, AnytimeNeeds]:
    """Return what a test of a difference of the size seen needs, and what one of equivalence does.

    Args:
        layout: the analysis of variance of T columns.
        mean: (T,) of the differences.
        margin: (T,) in their unit; NaN for none.
        level: (T,) that each test faces next in its family.
        power: the chance to decide.
        factor: by which the test over seeds needs more of them than the t test.
    """
    inside = np.nan_to_num(margin - np.abs(mean), nan=0.0)
    return (
        AnytimeNeeds(layout, factor, np.abs(mean), level / 4, float(special.ndtri(power))),
        AnytimeNeeds(layout, factor, inside, level / 2, float(special.ndtri((1 + power) / 2))),
    )
