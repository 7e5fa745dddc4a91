from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.aggregate import (
    RESAMPLES,
    Aggregate,
    Error,
    aggregate,
    mean_rank,
    performance_profile,
    whole_seeds,
)
from mtlrun.statistics.paired_tests.resamples import Draws

RNG = np.random.default_rng(16)
NAN = np.nan
NOTHING = Error(NAN, NAN)
DRAWS = Draws(RNG, RESAMPLES)


def ask(
    stl: np.ndarray, mtl: np.ndarray, strata: list[int] | None = None, seed: int = 0, error: float = NAN
) -> Aggregate:
    scale = 100 / np.abs(np.nanmean(stl, axis=0))
    tasks = np.array(strata if strata is not None else range(stl.shape[1]))
    return aggregate(
        stl, mtl, scale, tasks, Draws(np.random.default_rng(seed), RESAMPLES), Error(error, len(stl) - 1.0)
    )


def test_two_tasks_by_hand() -> None:
    """Gains in percent of means 1 and 2: 10, 30 and -5, 5. Sorted -5, 5, 10, 30: the middle half are 5 and 10.

    Task 1: 1.1 and 1.3 beat 1 and 1 always; task 2: 1.9 and 2.1 against 2 and 2 half of the time.
    """
    stl, mtl = np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[1.1, 1.9], [1.3, 2.1]])
    found = ask(stl, mtl)
    assert found.mean.value == pytest.approx(10)
    assert found.iqm.value == pytest.approx(7.5)
    assert found.improvement.value == pytest.approx(0.75)


def test_ties_count_half() -> None:
    same = RNG.normal(1, 0.1, (6, 3))
    assert ask(same, same).improvement.value == pytest.approx(0.5)


def test_interquartile_mean_agrees_with_scipy() -> None:
    stl = np.ones((8, 5))
    mtl = stl + RNG.standard_t(2, (8, 5))
    expected = stats.trim_mean((mtl - stl).ravel(), 0.25)
    assert ask(stl, mtl).iqm.value == pytest.approx(100 * expected)


def test_intervals_hold_the_value_and_the_generator_decides() -> None:
    stl = RNG.normal(1, 0.1, (12, 4))
    mtl = stl + RNG.normal(0.05, 0.1, (12, 4))
    one, same, other = (ask(stl, mtl, seed=s) for s in (0, 0, 1))
    assert all(e.low < e.value < e.high for e in one)
    assert one == same
    assert one.iqm.low != other.iqm.low


def test_the_mean_has_its_t_interval_and_the_others_are_stretched_as_it_is() -> None:
    stl = RNG.normal(1, 0.1, (12, 4))
    mtl = stl + RNG.normal(0.05, 0.1, (12, 4))
    plain, twice, four = ask(stl, mtl), ask(stl, mtl, error=2.0), ask(stl, mtl, error=4.0)
    half = stats.t.ppf(0.975, 11) * 2.0
    assert twice.mean.high - twice.mean.value == pytest.approx(half) == twice.mean.value - twice.mean.low
    assert four.iqm.high - four.iqm.value == pytest.approx(2 * (twice.iqm.high - twice.iqm.value))
    assert 0 <= four.improvement.low <= plain.improvement.value <= four.improvement.high <= 1


def test_test_cases_drawn_anew_widen_the_intervals() -> None:
    """Seeds agree, examples do not: over seeds alone nothing varies."""
    layout = np.repeat(RNG.normal(0.05, 1, (1, 200)), 8, axis=0)
    alone = RNG.normal(0, 0.001, (8, 200))
    stl, mtl = 1 + alone.mean(axis=1, keepdims=True), 1 + layout.mean(axis=1, keepdims=True)
    both = [(1 + alone, 1 + layout)]
    args = (stl, mtl, np.array([100.0]), np.array([0]))
    seeds, cases = (
        aggregate(*args, Draws(np.random.default_rng(0), RESAMPLES), Error(NAN, NAN), drawn)
        for drawn in ((), both)
    )
    assert seeds.iqm.high - seeds.iqm.low < 0.5
    assert cases.iqm.high - cases.iqm.low > 20


def test_tasks_of_one_stratum_are_drawn_together() -> None:
    """Two copies of a task: apart, their errors cancel by sqrt(2) in the bootstrap; together they do not."""
    stl, noise = np.ones((30, 1)), RNG.normal(0, 0.1, (30, 1))
    twice = np.hstack([stl + noise, stl + noise])
    together = ask(np.hstack([stl, stl]), twice, [0, 0]).mean
    apart = ask(np.hstack([stl, stl]), twice, [0, 1]).mean
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(np.sqrt(2), rel=0.1)


def test_a_seed_lacking_one_task_of_its_stratum_is_left_out_of_it() -> None:
    known = np.array([[True, True, True], [True, False, True]])
    counted = whole_seeds(known, np.array([0, 0, 1]))
    assert counted.tolist() == [[True, True, True], [False, False, True]]
    stl, mtl = np.ones((2, 3)), np.array([[1.1, 1.1, 1.1], [9.0, NAN, 1.3]])
    assert ask(stl, mtl, [0, 0, 1]).mean.value == pytest.approx((10 + 10 + 20) / 3)


def test_tasks_without_percentage_count_for_improvement_alone() -> None:
    stl, mtl = np.ones((3, 2)), np.full((3, 2), 1.1)
    found = aggregate(stl, mtl, np.array([100.0, NAN]), np.array([0, 1]), DRAWS, NOTHING)
    assert found.mean.value == pytest.approx(10)
    none = aggregate(stl, mtl, np.full(2, NAN), np.array([0, 1]), DRAWS, NOTHING)
    assert np.isnan([*none.mean, *none.iqm]).all()
    assert none.improvement.value == 1


def test_too_little_to_say() -> None:
    one = ask(np.ones((1, 2)), np.full((1, 2), 1.5))
    assert one.mean.value == pytest.approx(50)
    assert np.isnan([one.mean.low, one.iqm.high, one.improvement.low]).all()
    nothing = np.full((2, 1), NAN)
    none = aggregate(nothing, nothing, np.ones(1), np.zeros(1, dtype=int), DRAWS, NOTHING)
    assert np.isnan(none.improvement.value)


def test_profile_by_hand() -> None:
    gains = np.array([[-1.0, 2.0], [3.0, NAN], [5.0, NAN], [7.0, NAN]])
    np.testing.assert_allclose(performance_profile(gains, np.array([0.0, 2.0, 4.0])), [0.875, 0.375, 0.25])


def test_ranks_by_hand_and_ties_share_theirs() -> None:
    """Task 1: 3, 1, 2. Task 2: the first two agree to 1e-3 and share ranks 1 and 2. Task 3 is not whole."""
    values = np.array([[0.7, 0.90001, 1.0], [0.9, 0.9, NAN], [0.8, 0.5, 2.0]])
    np.testing.assert_allclose(mean_rank(values, np.full(3, 1e-3)), [2.25, 1.25, 2.5])
    assert np.isnan(mean_rank(values[:, 2:], np.ones(1))).all()
