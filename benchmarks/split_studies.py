"""Studies that split one finite data set anew: real splits, real fits, two equal procedures.

Both procedures are ridge regressions on random features that each seed draws; they see different inputs of the same
distribution. So they are equal over data sets of the population, though not on any one of them. To fit and test on
splits of the same rows makes differences of splits depend on each other, which tests over splits have to allow for.

Shape letters: K splits, n seeds in each, N rows of a data set, F inputs of one procedure, H features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mtlrun.statistics.delta_m import delta_m
from mtlrun.statistics.evidence import Differences, p_two_sided, student_intervals, tests_of
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.statistics.settings import Statistics

INPUTS, APART, FEATURES, RIDGE = 5, 0.35, 12, 2.0
ALPHA, LEVEL = 0.05, 0.95
Rates = dict[str, float]


@dataclass(frozen=True)
class Splits:
    """How a source is split.

    Attributes:
        train, test: rows of each part.
        splits: K.
        seeds: n, of each split.
        learns: whether procedures depend on the training rows at all; if not, splits share nothing but test rows, as
            the correction takes it.
    """

    train: int
    test: int
    splits: int
    seeds: int = 1
    learns: bool = True

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
    if not how.learns:
        return _of_its_own(how, rng)
    label = rng.integers(2, size=rows) * 2 - 1
    inputs = rng.normal(size=(2, 1, 1, rows, INPUTS)) + APART * label[:, None]
    order = np.array([rng.permutation(rows) for _ in range(how.splits)])
    drawn = rng.normal(size=(2, how.seeds, how.splits, INPUTS + 1, FEATURES))
    features = np.maximum(inputs @ drawn[..., :-1, :] + drawn[..., -1:, :], 0.0)
    parts = np.take_along_axis(features, order[None, None, :, :, None], axis=3)
    train, test = parts[..., : how.train, :], parts[..., how.train :, :]
    across = train.swapaxes(-1, -2)
    towards = across @ label[order[:, : how.train]][..., None]
    weights = np.linalg.solve(across @ train + RIDGE * np.eye(FEATURES), towards)
    right = ((test @ weights)[..., 0] > 0) == (label[order[:, how.train :]] > 0)
    return right.mean(axis=-1).reshape(2, -1).T


def _of_its_own(how: Splits, rng: np.random.Generator) -> Array:
    """Return accuracies (K n, 2) of procedures that make of a row something of their own, and seeds add noise."""
    rows = how.train + how.test
    own = 0.5 + rng.normal(size=(2, 1, 1, rows))
    right = own + 0.1 * rng.normal(size=(2, how.seeds, how.splits, rows)) > 0
    test = np.array([rng.permutation(rows)[how.train :] for _ in range(how.splits)])
    found = np.take_along_axis(right, test[None, None], axis=3)
    return found.mean(axis=-1).reshape(2, -1).T


def row_rates(how: Splits, studies: int, ratio: float | None = None) -> Rates:
    """Return how often a row of two equal procedures is told apart, over splits and over seeds alone.

    Args:
        how: splits of each data set.
        studies: data sets.
        ratio: that tests are told; n_test / n_train where None.
    """
    rng = np.random.default_rng([how.train, how.test, how.splits, how.seeds])
    values = np.array([accuracies(how, rng) for _ in range(studies)])
    d, size = (values[..., 1] - values[..., 0]).T, values[..., 0].mean(axis=1)
    told = np.full(studies, how.ratio if ratio is None else ratio)
    tests = tests_of(Differences(d, size, ratio=told, split=how.split), Statistics(), rng)
    plain = tests_of(Differences(d, size), Statistics(over="seeds"), rng)
    low, high = tests.interval(LEVEL)
    return {
        "rejected": float((p_two_sided(tests) < ALPHA).mean()),
        "seeds only": float((p_two_sided(plain) < ALPHA).mean()),
        "coverage": float(((low <= 0) & (high >= 0)).mean()),
    }


def delta_m_rates(sources: list[Splits], studies: int, ratio: float | None = None) -> Rates:
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
    ratios = np.full(studies, told)
    found = Differences(d, np.full(studies, np.nan), ratio=ratios, split=sources[0].split)
    low, high = student_intervals(found, "splits", LEVEL)
    plain = student_intervals(Differences(d, found.size), "seeds", LEVEL)
    apart = (low > 0) | (high < 0)
    return {
        "rejected": float(apart.mean()),
        "seeds only": float(((plain[0] > 0) | (plain[1] < 0)).mean()),
        "coverage": float(1 - apart.mean()),
    }


ONE_SEED = {
    "10 splits, 140 / 60": Splits(140, 60, 10),
    "30 splits, 140 / 60": Splits(140, 60, 30),
    "10 splits, 300 / 100": Splits(300, 100, 10),
    "10 splits, 60 / 520": Splits(60, 520, 10),
    "10 splits, 60 / 70": Splits(60, 70, 10),
}
SEVERAL_SEEDS = {
    "5 splits x 4 seeds, 140 / 60": Splits(140, 60, 5, 4),
    "10 splits x 5 seeds, 140 / 60": Splits(140, 60, 10, 5),
    "10 splits x 5 seeds, 60 / 70": Splits(60, 70, 10, 5),
    "10 splits x 5 seeds, 60 / 520": Splits(60, 520, 10, 5),
}


def split_rates(studies: int) -> dict[str, Rates]:
    """Return rates of rows and of delta-m."""
    found = {name: row_rates(how, studies) for name, how in ONE_SEED.items()}
    found |= {name: row_rates(how, studies // 2) for name, how in SEVERAL_SEEDS.items()}
    large, small = ONE_SEED["10 splits, 60 / 520"], ONE_SEED["10 splits, 60 / 70"]
    many = SEVERAL_SEEDS["10 splits x 5 seeds, 60 / 520"]
    found["10 splits x 5 seeds, 60 / 520, told 70 / 60"] = row_rates(many, studies // 2, small.ratio)
    two = [ONE_SEED["10 splits, 140 / 60"]] * 2
    for name, how in ONE_SEED.items():
        found[f"{name}, nothing learnt"] = row_rates(replace(how, learns=False), studies)
    stable = [replace(one, learns=False) for one in (large, small)]
    found["10 splits, 60 / 520, nothing learnt, told 70 / 60"] = row_rates(stable[0], studies, small.ratio)
    found["delta-m, 60 / 520 and 60 / 70, nothing learnt"] = delta_m_rates(stable, studies)
    found["delta-m, 60 / 520 and 60 / 70, nothing learnt, told 70 / 60"] = delta_m_rates(
        stable, studies, small.ratio
    )
    found["delta-m, two sources, 10 splits, 140 / 60"] = delta_m_rates(two, studies)
    found["delta-m, 60 / 520 and 60 / 70"] = delta_m_rates([large, small], studies)
    found["delta-m, 60 / 520 and 60 / 70, told 70 / 60"] = delta_m_rates([large, small], studies, small.ratio)
    return found
