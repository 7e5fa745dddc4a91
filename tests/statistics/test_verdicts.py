from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtlrun.statistics.judge import Judgement, judge
from mtlrun.statistics.methods import METHODS
from mtlrun.statistics.settings import Statistics
from mtlrun.statistics.verdicts import contrast_words, is_small, seeds_needed, verdicts

RNG = np.random.default_rng(5)
NOISE = RNG.normal(0, 0.002, 20)
NOISE -= NOISE.mean()


def judged(*columns: Any, diverged: int = 0, percent: bool = True, **settings: Any) -> Judgement:
    d = np.stack([np.asarray(c, dtype=float) for c in columns], axis=1)
    t = d.shape[1]
    return judge(
        d,
        reference=np.full(t, 1.0),
        percent=np.full(t, percent),
        diverged=np.full(t, diverged),
        family=["f"] * t,
        ratio=0.0,
        settings=Statistics(**settings),
    )


@pytest.mark.parametrize(
    ("mean", "word", "small"),
    [
        (-0.02, "negative", False),
        (0.02, "positive", False),
        (-0.005, "negative", True),
        (0.005, "positive", True),
        (0.0002, "neutral", False),
    ],
)
def test_sign_small_and_neutral(mean: float, word: str, small: bool) -> None:
    found = judged(NOISE + mean)
    assert verdicts(found).tolist() == [word]
    assert is_small(found).tolist() == [small]


def test_wide_spread_is_inconclusive_and_asks_for_seeds() -> None:
    found = judged(10 * NOISE + 0.004)
    words = verdicts(found)
    assert words.tolist() == ["inconclusive"]
    assert 1 <= seeds_needed(found, words)[0] < 1000


def test_a_verdict_needs_no_seeds() -> None:
    found = judged(NOISE + 0.02)
    assert seeds_needed(found, verdicts(found))[0] == 0


def test_round_off_is_neutral_with_p_one() -> None:
    found = judged(np.full(20, 9e-7))
    assert verdicts(found).tolist() == ["neutral"]
    assert found.p.tolist() == [1.0]
    assert verdicts(judged(np.full(20, 2e-6))).tolist() == ["positive"]


def test_one_seed_above_round_off_ends_the_zero_rule() -> None:
    assert judged([0.0] * 19 + [2e-6]).zero.tolist() == [False]


def test_one_seed_gives_no_verdict() -> None:
    found = judged([0.5])
    words = verdicts(found)
    assert words.tolist() == ["inconclusive"]
    assert np.isnan([found.p[0], found.low[0], seeds_needed(found, words)[0]]).all()
    assert verdicts(judged([0.0])).tolist() == ["inconclusive"]


@pytest.mark.parametrize(
    ("mean", "word"), [(-0.02, "negative"), (0.02, "inconclusive"), (0.0002, "inconclusive")]
)
def test_diverged_seed_forbids_good_news(mean: float, word: str) -> None:
    found = judged(NOISE + mean, diverged=1)
    words = verdicts(found)
    assert words.tolist() == [word]
    if word == "inconclusive":
        assert np.isnan(seeds_needed(found, words)[0])
    assert verdicts(judged(np.zeros(20), diverged=1)).tolist() == ["inconclusive"]


def test_without_a_percentage_only_round_off_is_neutral() -> None:
    assert verdicts(judged(NOISE + 0.0002, percent=False)).tolist() == ["inconclusive"]
    assert verdicts(judged(np.zeros(20), percent=False)).tolist() == ["neutral"]
    assert verdicts(judged(NOISE + 0.02, percent=False)).tolist() == ["positive"]


def test_the_family_counts() -> None:
    edge = NOISE + 0.0011  # p is about 0.024 alone
    alone = verdicts(judged(edge, margin=0.0))
    among = verdicts(judged(edge, *[3 * np.roll(NOISE, k) for k in range(9)], margin=0.0))
    assert alone[0] == "positive"
    assert among[0] == "inconclusive"


@pytest.mark.parametrize(
    ("mean", "own", "base", "word"),
    [
        (0.02, "neutral", "negative", "repairs"),
        (0.02, "inconclusive", "negative", "repairs"),
        (0.02, "negative", "negative", "partly"),
        (0.02, "neutral", "neutral", "better"),
        (0.02, "negative", "inconclusive", "better"),
        (0.02, "neutral", "unknown", "inconclusive"),
        (0.02, "unknown", "negative", "inconclusive"),
        (0.02, "unknown", "neutral", "better"),
        (-0.02, "unknown", "unknown", "worse"),
        (-0.02, "negative", "negative", "worse"),
        (0.0002, "negative", "negative", "no effect"),
    ],
)
def test_contrast_words(mean: float, own: str, base: str, word: str) -> None:
    assert contrast_words(judged(NOISE + mean), np.array([own]), np.array([base])).tolist() == [word]


def test_contrast_may_be_undecided() -> None:
    assert contrast_words(judged(10 * NOISE + 0.004), *2 * [np.array(["neutral"])]).tolist() == [
        "inconclusive"
    ]


def test_false_alarms_keep_the_family_level() -> None:
    """500 null studies of 10 rows and 8 seeds: any verdict but neutral or inconclusive is a false alarm."""
    d = np.random.default_rng(11).normal(0, 1, (8, 5000))
    found = judge(
        d,
        reference=np.ones(5000),
        percent=np.ones(5000, dtype=bool),
        diverged=np.zeros(5000, dtype=int),
        family=[str(i // 10) for i in range(5000)],
        ratio=0.0,
        settings=Statistics(),
    )
    alarms = np.isin(verdicts(found), ["negative", "positive"]).reshape(500, 10).any(axis=1)
    assert alarms.mean() < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 500)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("column", "word"),
    [
        (NOISE - 0.02, "negative"),
        (NOISE + 0.02, "positive"),
        (NOISE + 0.0002, "neutral"),
        (10 * NOISE + 0.004, "inconclusive"),
        (np.full(20, 9e-7), "neutral"),
        (np.full(20, 0.004), "positive"),
        ([0.5] + [np.nan] * 19, "inconclusive"),
    ],
)
def test_the_rules_are_those_of_every_method(method: str, column: Any, word: str) -> None:
    found = judged(column, method=method)
    words = verdicts(found)
    assert words.tolist() == [word]
    if np.isfinite(column).all():
        assert found.low[0] - 1e-12 <= found.mean[0] <= found.high[0] + 1e-12  # round-off
        assert found.p[0] == 1.0 if found.zero[0] else found.p[0] < 1
        assert seeds_needed(found, words)[0] >= (word == "inconclusive")
    diverged = judged(column, method=method, diverged=1)
    assert verdicts(diverged)[0] == ("negative" if word == "negative" else "inconclusive")


def test_methods_that_count_signs_ask_for_enough_of_them() -> None:
    found = judged(*[NOISE[:5] + 0.01 for _ in range(10)], method="sign_flip")
    assert verdicts(found)[0] == "inconclusive"
    assert seeds_needed(found, verdicts(found))[0] == 4  # 2^(1 - 9) is the first under 0.05 / 10


@pytest.mark.parametrize(("correction", "words"), [("holm", 0), ("bh", 2), ("none", 2)])
def test_the_correction_decides(correction: str, words: int) -> None:
    columns = [NOISE + 0.0011, NOISE + 0.00112] + [
        3 * np.roll(NOISE, k) for k in range(2)
    ]  # p about 0.023 twice
    found = judged(*columns, margin=0.0, correction=correction)
    assert (verdicts(found) == "positive").sum() == words
