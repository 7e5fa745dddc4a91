"""Whether the seeds or examples that a report advises decide a row, with about the power that was asked for.

A pilot whose mean and mean squares are exactly those expected gives the advice; fresh studies of the advised size are
then drawn and judged. What a pilot of few seeds misestimates is not part of this.

Shape letters: B studies, n seeds, m examples.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mtlrun.statistics.evidence import Differences
from mtlrun.statistics.judge import Judgement, judge
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.statistics.settings import Statistics

_AT_ONCE = 8_000_000
LONG_RUN = 8
"""How many times more seeds stand for "however many"."""


@dataclass(frozen=True)
class Row:
    """A row of a report, and how large its study is.

    Attributes:
        mean: true difference, in units of which the margin is 1 % of 100.
        seed, example, both: standard deviations of a seed's, an example's and their joint part of a difference.
        n, m: seeds and examples.
        margin: of equivalence.
    """

    mean: float
    seed: float
    example: float
    both: float
    n: int
    m: int
    margin: float = 1e-6

    def layouts(self, studies: int, rng: np.random.Generator) -> list[Array]:
        """Return differences (n, m) of so many studies."""
        seed = self.seed * rng.normal(size=(studies, self.n, 1))
        example = self.example * rng.normal(size=(studies, 1, self.m))
        both = rng.standard_normal((studies, self.n, self.m)) * self.both
        return list(self.mean + seed + example + both)

    def pilot(self, rng: np.random.Generator) -> Array:
        """Return differences (n, m) with exactly the expected mean and mean squares."""
        seed, example = rng.normal(size=self.n), rng.normal(size=self.m)
        both = rng.normal(size=(self.n, self.m))
        both = both - both.mean(axis=0) - both.mean(axis=1, keepdims=True) + both.mean()
        both *= self.both / np.sqrt((both**2).sum() / ((self.n - 1) * (self.m - 1)))
        of_seed = _exact(seed, self.seed**2 + self.both**2 / self.m)
        return self.mean + of_seed[:, None] + _exact(example, self.example**2 + self.both**2 / self.n) + both


def _exact(values: Array, variance: float) -> Array:
    away = values - values.mean()
    return away * np.sqrt(variance / away.var(ddof=1))


def judged(row: Row, layouts: list[Array], method: str = "paired_t") -> Judgement:
    """Return what a report says of studies, each a family of its own."""
    d = np.stack([layout.mean(axis=1) for layout in layouts], axis=1)
    count = len(layouts)
    found = Differences(d, np.full(count, 100 * row.margin), [[layout] for layout in layouts])
    return judge(
        found,
        percent=np.ones(count, dtype=bool),
        diverged=np.zeros(count, dtype=np.int64),
        same=np.zeros(count, dtype=bool),
        family=[str(number) for number in range(count)],
        settings=Statistics(method=method),  # type: ignore[arg-type]
        rng=np.random.default_rng(0),
    )


def decided(row: Row, studies: int, method: str = "paired_t") -> float:
    """Return the share of studies of a row's size that tell a difference or equivalence."""
    rng, found = np.random.default_rng([row.n, row.m]), []
    at_once = max(1, _AT_ONCE // (row.n * row.m))
    for begin in range(0, studies, at_once):
        said = judged(row, row.layouts(min(at_once, studies - begin), rng), method)
        found.append((said.p < said.alpha) | (said.p_equivalent < said.alpha))
    return float(np.concatenate(found).mean())


DECIDABLE = {
    "difference, seeds matter most": Row(0.08, 0.15, 0.3, 1.0, 5, 400),
    "difference, both matter": Row(0.08, 0.02, 0.4, 1.5, 5, 400),
    "equivalence, both matter": Row(0.0, 0.02, 0.4, 1.5, 5, 400, 0.08),
}
"""Rows that further seeds decide."""
TOO_SMALL = {
    "difference, few examples": Row(0.05, 0.02, 0.4, 1.5, 20, 400),
    "equivalence, few examples": Row(0.0, 0.02, 0.4, 1.5, 20, 400, 0.05),
}
"""Rows that no number of seeds decides, since there are too few examples."""


def more_seeds(row: Row, method: str = "paired_t") -> Row:
    """Return the row with the seeds that are advised."""
    further = judged(row, [row.pilot(np.random.default_rng(1))], method).advice.seeds[0]
    assert np.isfinite(further)
    return replace(row, n=row.n + int(further))


def more_examples(row: Row, method: str = "paired_t") -> Row:
    """Return the row with the examples that are advised, where no number of seeds decides."""
    advice = judged(row, [row.pilot(np.random.default_rng(1))], method).advice
    assert np.isnan(advice.seeds[0])
    return replace(row, m=int(advice.examples[0]))


def advised(studies: int) -> dict[str, dict[str, float]]:
    """Return by row what is advised and how often that decides."""
    found: dict[str, dict[str, float]] = {}
    for method in ("paired_t", "bootstrap", "anytime"):
        count = studies if method == "paired_t" else studies // 4
        for name, row in DECIDABLE.items():
            larger = more_seeds(row, method)
            power = {"now": decided(row, count, method), "advised": decided(larger, count, method)}
            found[f"{method}, {name}"] = {"seeds advised": larger.n, **power}
        for name, row in TOO_SMALL.items():
            larger, long = more_examples(row, method), replace(row, n=LONG_RUN * row.n)
            power = {"now": decided(row, count, method), "advised": decided(larger, count, method)}
            power["8 times the seeds"] = decided(long, count // 2, method)
            found[f"{method}, {name}"] = {"examples advised": larger.m, **power}
    return found
