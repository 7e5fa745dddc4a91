"""What differences are drawn from: seeds, or splits with seeds in each; and what would decide them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from mtlrun.statistics.evidence import Differences, mean_error, student_intervals
from mtlrun.statistics.judge import judge
from mtlrun.statistics.settings import Statistics
from mtlrun.statistics.verdicts import examples_needed, seeds_needed, verdicts

RNG = np.random.default_rng(9)
SPLIT = np.array([0, 1, 2, 0, 1, 2])
BY_SPLIT = np.array([-3.0, -1.0, -2.0])


def differences(spread: float, ratio: float) -> Differences:
    """Return two columns, of six seeds on one test set and of three splits with two seeds in each."""
    d = BY_SPLIT[SPLIT] + spread * np.repeat([1.0, -1.0], 3)
    return Differences(
        np.stack([d, d], 1),
        np.array([10.0, 10.0]),
        (),
        np.array([0.0, ratio]),
        np.stack([np.arange(6), SPLIT]),
    )


def test_draws_are_seeds_or_means_of_splits() -> None:
    n, mean, sd = differences(0.5, 0.3).draws()
    assert n.tolist() == [6, 3]
    assert mean == pytest.approx([-2.0, -2.0])
    assert sd[1] == pytest.approx(1.0)
    assert differences(0.5, 0.3).seeds_each().tolist() == [1, 2]
    assert differences(0.5, 0.3).split_counts()[1] == 3


def test_one_seed_has_no_error() -> None:
    d = np.array([[1.0, 1.0], [3.0, np.nan]])
    one_seed = Differences(d, np.array([10.0, 10.0]), (), np.zeros(2), np.stack([np.arange(2)] * 2))
    error, freedom = mean_error(one_seed, "seeds")
    assert error == pytest.approx([1.0, np.nan], nan_ok=True)  # sqrt 2 / sqrt 2
    assert freedom == pytest.approx([1.0, np.nan], nan_ok=True)


@pytest.mark.parametrize(("ratio", "decided"), [(0.02, True), (2.0, False)])
def test_more_splits_are_asked_for_unless_no_number_decides(ratio: float, decided: bool) -> None:
    found = judge(
        differences(0.5, ratio),
        percent=np.ones(2, dtype=bool),
        diverged=np.zeros(2, dtype=np.int64),
        same=np.zeros(2, dtype=bool),
        family=["s", "s"],
        settings=Statistics(),
    )
    seeds = found.advice.seeds[1]
    assert np.isfinite(seeds) == decided
    if decided:
        assert seeds % 2 == 0  # whole splits of two seeds


def test_the_interval_over_splits_is_wider_than_over_their_means_alone() -> None:
    low, high = student_intervals(differences(0.5, 0.3), "examples", 0.95)
    alone = 4.302652729749462 / np.sqrt(3)  # t(2), standard deviation 1
    assert high[1] - low[1] > 2 * alone
    error, freedom = mean_error(differences(0.5, 0.3), "examples")
    assert freedom.tolist() == [5, 2]
    assert error[1] > 1 / np.sqrt(3)


@pytest.mark.parametrize("method", ["paired_t", "bootstrap", "anytime"])
@pytest.mark.parametrize(("examples", "seeds", "word"), [(2, 60, "inconclusive"), (500, 60, "neutral")])
def test_where_all_examples_agree_their_number_bounds_the_test(
    method: str, examples: int, seeds: int, word: str
) -> None:
    """Two test rows that agree in every seed say nothing of 1 % of the population, however many seeds there are.

    At the margin of 1 % p is at least (1 - 0.01)^m, and under .05 with m = 299; twice that with half the level, 368.
    """
    found = judge(
        Differences(np.zeros((seeds, 1)), np.array([0.7]), [[np.zeros((seeds, examples))]]),
        percent=np.array([True]),
        diverged=np.array([0]),
        same=np.array([False]),
        family=["suite"],
        settings=Statistics(method=method),
    )
    words = verdicts(found)
    assert words[0] == word
    assert np.isnan([found.low[0], found.high[0]]).all()
    wanted = {"paired_t": 299, "bootstrap": 299, "anytime": 368}[method]
    if word == "inconclusive":
        assert np.isnan(seeds_needed(found, words)[0])
        assert examples_needed(found, words)[0] == wanted


def test_where_nothing_was_shared_it_is_no_worse_and_no_difference() -> None:
    found = judge(
        Differences(np.zeros((3, 2)), np.array([10.0, 10.0])),
        percent=np.array([True, False]),
        diverged=np.zeros(2, dtype=np.int64),
        same=np.ones(2, dtype=bool),
        family=["s", "s"],
        settings=Statistics(),
    )
    assert found.zero.all()
    assert found.p.tolist() == [1, 1]
    assert found.p_not_worse.tolist() == [0, 0]
    assert np.isnan(found.p_equivalent).all()
    assert [*found.low, *found.high, *found.seed_low, *found.seed_high] == [0] * 8


@pytest.mark.parametrize("over", ["examples", "seeds"])
def test_a_judgement_tells_what_it_speaks_about(over: Literal["examples", "seeds"]) -> None:
    layout = RNG.normal(size=(5, 20))
    found = judge(
        Differences(layout.mean(axis=1, keepdims=True), np.array([1.0]), [[layout]]),
        percent=np.array([True]),
        diverged=np.array([0]),
        same=np.array([False]),
        family=["s"],
        settings=Statistics(over=over),
    )
    assert found.scope.tolist() == [over]


def test_few_seeds_that_all_agree_need_as_many_as_a_sign_test() -> None:
    """2^-n < .05 with n = 5."""
    found = judge(
        Differences(np.zeros((3, 1)), np.array([0.7]), [[np.zeros((3, 500))]]),
        percent=np.array([True]),
        diverged=np.array([0]),
        same=np.array([False]),
        family=["suite"],
        settings=Statistics(),
    )
    assert seeds_needed(found, verdicts(found))[0] == 2
