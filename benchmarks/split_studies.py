"""Studies that split one finite data set anew: real splits, real fits, two equal procedures with noise from seeds.

Two nearest-mean classifiers see different inputs of the same distribution, so they are equal over data sets of the
population, though not on any one of them. Fitting and testing on splits of the same rows makes differences of splits
depend on each other, which tests over splits have to allow for.

Shape letters: K splits, n seeds in each, N rows of a data set, F inputs of one procedure, B studies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtlrun.statistics.delta_m import delta_m
from mtlrun.statistics.evidence import Differences, p_two_sided, student_intervals, tests_of
from mtlrun.statistics.settings import Statistics
from mtlrun.statistics.student import Array

INPUTS, APART, SEED_NOISE = 5, 0.35, 0.5
ALPHA, LEVEL = 0.05, 0.95


@dataclass(frozen=True)
class Splits:
    """How a source is split.

    Attributes:
        train, test: rows of each part.
        splits: K.
        seeds: n, of each split.
    """

    train: int
    test: int
    splits: int
    seeds: int = 1

    @property
    def ratio(self) -> float:
        """Return n_test / n_train."""
        return self.test / self.train

    @property
    def split(self) -> np.ndarray:
        """Return the split of each run (K n,), as `suite.splits` numbers them: a run's seed modulo K."""
        return np.tile(np.arange(self.splits), self.seeds)


def accuracies(how: Splits, rng: np.random.Generator) -> Array:
    """Return the accuracies (K n, 2) of both procedures on one data set."""
    rows = how.train + how.test
    label = rng.integers(2, size=rows) * 2 - 1
    inputs = rng.normal(size=(2, rows, INPUTS)) + APART * label[:, None]
    order = np.array([rng.permutation(rows) for _ in range(how.splits)])
    train, test = order[:, : how.train], order[:, how.train :]
    fitted = (inputs[:, train] * label[train][..., None]).mean(axis=2)  # (2, K, F): towards positives
    noise = SEED_NOISE * APART * rng.normal(size=(2, how.seeds, how.splits, INPUTS))
    score = np.einsum("pskf,pkmf->pskm", fitted[:, None] + noise, inputs[:, test])
    right = (score > 0) == (label[test] > 0)
    return right.mean(axis=3).reshape(2, -1).T


def row_rates(how: Splits, studies: int, ratio: float | None = None) -> dict[str, float]:
    """Return how often a row of two equal procedures is told apart, and how often over seeds alone.

    Args:
        how: splits of each data set.
        studies: data sets.
        ratio: that tests are told; n_test / n_train where None.
    """
    rng = np.random.default_rng([how.train, how.test, how.splits, how.seeds])
    values = np.array([accuracies(how, rng) for _ in range(studies)])
    d = (values[..., 1] - values[..., 0]).T
    told = np.full(studies, how.ratio if ratio is None else ratio)
    found = Differences(d, values[..., 0].mean(axis=1), ratio=told, split=how.split)
    p = p_two_sided(tests_of(found, Statistics(), rng))
    plain = p_two_sided(tests_of(Differences(d, found.size), Statistics(over="seeds"), rng))
    return {"rejected": float((p < ALPHA).mean()), "seeds only": float((plain < ALPHA).mean())}


def delta_m_rates(sources: list[Splits], studies: int, ratio: float | None = None) -> dict[str, float]:
    """Return how often delta-m of tasks with a source each has an interval without 0.

    Args:
        sources: one for each task, with as many splits and seeds.
        studies: suites.
        ratio: that tests are told; the largest of the sources' where None, as in a report.
    """
    rng = np.random.default_rng([one.test for one in sources])
    columns = []
    for _ in range(studies):
        values = np.array([accuracies(one, rng) for one in sources])  # (T, K n, 2)
        stl, mtl = values[..., 0].T, values[..., 1].T
        columns.append(delta_m(stl, mtl, np.ones(len(sources))).of(stl, mtl))
    d = np.stack(columns, axis=1)
    told = max(one.ratio for one in sources) if ratio is None else ratio
    found = Differences(d, np.full(studies, np.nan), ratio=np.full(studies, told), split=sources[0].split)
    low, high = student_intervals(found, "splits", LEVEL)
    plain = student_intervals(Differences(d, found.size), "seeds", LEVEL)
    return {
        "rejected": float(((low > 0) | (high < 0)).mean()),
        "seeds only": float(((plain[0] > 0) | (plain[1] < 0)).mean()),
    }


ROWS = {
    "10 splits of 140 / 60": Splits(140, 60, 10),
    "30 splits of 140 / 60": Splits(140, 60, 30),
    "10 splits of 500 / 500": Splits(500, 500, 10),
    "5 splits of 140 / 60, 4 seeds each": Splits(140, 60, 5, 4),
    "10 splits of 140 / 60, 10 seeds each": Splits(140, 60, 10, 10),
    "10 splits of 60 / 520": Splits(60, 520, 10),
    "10 splits of 60 / 70": Splits(60, 70, 10),
}


def split_rates(studies: int) -> dict[str, dict[str, float]]:
    """Return rates of rows and of delta-m."""
    found = {name: row_rates(how, studies) for name, how in ROWS.items()}
    large, small = ROWS["10 splits of 60 / 520"], ROWS["10 splits of 60 / 70"]
    found["10 splits of 60 / 520, told 70 / 60"] = row_rates(large, studies, small.ratio)
    two, unequal = [ROWS["10 splits of 140 / 60"]] * 2, [large, small]
    found["delta-m, two sources, 10 splits of 140 / 60"] = delta_m_rates(two, studies)
    found["delta-m, 60 / 520 and 60 / 70"] = delta_m_rates(unequal, studies)
    found["delta-m, 60 / 520 and 60 / 70, told 70 / 60"] = delta_m_rates(unequal, studies, small.ratio)
    return found
