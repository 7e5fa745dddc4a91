from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.paired_tests.student import StudentT
from mtlrun.statistics.power.seeds import (
    further_seeds,
    seeds_after_pilot,
    seeds_for_difference,
    seeds_for_equivalence,
)


def _power(n: int, effect: float, level: float) -> float:
    critical = stats.t.ppf(1 - level / 2, n - 1)
    return float(stats.nct.sf(critical, n - 1, effect * np.sqrt(n)))


@pytest.mark.parametrize(("effect", "level"), [(0.3, 0.05), (0.8, 0.05), (0.5, 0.005), (1.5, 0.01)])
def test_difference_needs_as_many_seeds_as_the_exact_power_of_the_t_test(effect: float, level: float) -> None:
    n = np.ceil(seeds_for_difference(np.array([effect]), np.array([1.0]), np.array([level]), 0.8, 0.0))[0]
    assert _power(int(n) + 1, effect, level) >= 0.8
    assert _power(int(n) - 2, effect, level) < 0.8


def test_equivalence_needs_that_many_seeds_in_simulation() -> None:
    one = np.ones(1)
    n = int(np.ceil(seeds_for_equivalence(0 * one, one, one, 0.05 * one, 0.8, 0.0))[0])
    d = np.random.default_rng(0).normal(0, 1, (n, 4000))
    p = np.maximum(StudentT().p_above(d, -1.0), StudentT().p_above(-d, -1.0))
    assert 0.76 < (p < 0.05).mean() < 0.9


def test_either_way_is_enough() -> None:
    def ask(mean: float, margin: float) -> float:
        arrays = [np.array([v]) for v in (mean, 1.0, 10.0, margin, 0.05)]
        return float(further_seeds(*arrays, power=0.8, ratio=0.0)[0])

    assert ask(0.5, np.nan) == 24  # ((1.960 + 0.842) / 0.5)^2 + 1.92 = 33.3 seeds, 10 of them there
    assert ask(0.0, 1.0) == 1  # ((1.645 + 1.282) / 1)^2 + 1.35 = 9.9 seeds: there already
    assert ask(0.1, 1.0) == 2
    assert np.isnan(ask(0.0, np.nan))


def test_splits_that_vary_may_never_be_enough() -> None:
    arrays = [np.array([v]) for v in (0.5, 1.0, 10.0, np.nan, 0.05)]
    assert np.isnan(further_seeds(*arrays, power=0.8, ratio=600 / 897)[0])
    with_little_overlap = further_seeds(*arrays, power=0.8, ratio=0.01)[0]
    assert with_little_overlap > further_seeds(*arrays, power=0.8, ratio=0.0)[0]


def test_equal_differences_ask_for_the_sign_test() -> None:
    arrays = [np.array([v]) for v in (0.5, 0.0, 2.0, np.nan, 0.05)]
    assert further_seeds(*arrays, power=0.8, ratio=0.0)[0] == 4  # 2^(1 - 6) = 0.031


def test_a_spread_from_a_pilot_needs_more_seeds_than_a_known_one() -> None:
    """Known: ((z(.95) + z(.9)) / 0.5)^2 + z(.95)^2 / 2 = (2.926 / 0.5)^2 + 1.353 = 35.6."""
    known, many, few = (seeds_after_pilot(0.5, 1.0, df, 0.05, 0.9, 0.0) for df in (np.inf, 100.0, 5.0))
    assert known == pytest.approx(35.6, abs=0.05)
    assert known < many < 1.1 * known
    assert 1.3 * known < few < 3 * known
    assert seeds_after_pilot(0.0, 1.0, 5.0, 0.05, 0.9, 0.0) == np.inf


def test_as_many_seeds_as_after_a_pilot_have_the_power_on_average() -> None:
    rng = np.random.default_rng(0)
    pilots = rng.standard_normal((6, 1000)).std(axis=0, ddof=1)
    found = []
    for sd in pilots:
        n = int(np.ceil(seeds_after_pilot(0.8, sd, 5, 0.05, 0.9, 0.0)))
        d = rng.standard_normal(max(n, 2)) + 0.8
        found.append(d.mean() / (d.std(ddof=1) / np.sqrt(len(d))) > stats.t.ppf(0.95, len(d) - 1))
    assert np.mean(found) == pytest.approx(0.9, abs=0.02)
