from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.change import Change, change, seeds_to_check
from mtlrun.statistics.corrections import holm

RNG = np.random.default_rng(2)
LOCKED = RNG.normal(0.0, 1.0, 12)
FRESH = RNG.normal(-0.5, 2.0, 9)


def test_welch_agrees_with_scipy() -> None:
    found = change(LOCKED, FRESH, paired=False, margin=0.3, scale=1.0)
    kept = stats.ttest_ind(FRESH + 0.3, LOCKED, equal_var=False, alternative="greater").pvalue
    won = stats.ttest_ind(FRESH - 0.3, LOCKED, equal_var=False, alternative="greater").pvalue
    assert found.p_kept == pytest.approx(kept)
    assert found.p_won == pytest.approx(won)


def test_paired_agrees_with_scipy() -> None:
    found = change(LOCKED[:9], FRESH, paired=True, margin=0.3, scale=1.0)
    assert found.p_kept == pytest.approx(
        stats.ttest_rel(FRESH + 0.3, LOCKED[:9], alternative="greater").pvalue
    )
    assert found.mean == pytest.approx((FRESH - LOCKED[:9]).mean())


def test_a_loss_is_the_better_of_two_tests_at_half_the_level() -> None:
    locked = np.append(LOCKED[:8], 500.0)
    found = change(locked, FRESH, paired=True, margin=0.3, scale=1.0)
    seen = stats.ttest_rel(FRESH + 0.3, locked, alternative="less").pvalue
    assert seen > 0.1  # the outlier hides itself from the paired test
    error = FRESH.std(ddof=1) * np.sqrt(2 / 9)
    assert found.p_lost == pytest.approx(2 * stats.t.cdf((FRESH.mean() - locked.mean() + 0.3) / error, 8))
    assert found.p_lost < 1e-6


def test_no_spread_at_all_is_no_better_than_the_sign_test() -> None:
    found = change(np.full(4, 0.5), np.full(4, 0.4), paired=True, margin=0.01, scale=1.0)
    assert found.p_lost == pytest.approx(2 * 2.0**-4)
    assert change(
        np.full(4, 0.5), np.full(5, 0.4), paired=False, margin=0.01, scale=1.0
    ).p_lost == pytest.approx(2 * 2.0**-5)
    assert not found.none


def test_round_off_is_no_change() -> None:
    assert change(LOCKED, LOCKED + 9e-7, paired=True, margin=0.0, scale=1.0).none
    assert not change(LOCKED, LOCKED + 9e-7, paired=False, margin=0.0, scale=1.0).none
    assert not change(LOCKED, LOCKED + 2e-6, paired=True, margin=0.0, scale=1.0).none


def test_more_rows_and_more_spread_need_more_seeds() -> None:
    narrow = change(LOCKED, LOCKED[::-1], paired=True, margin=1.0, scale=1.0)
    few, many = (seeds_to_check(narrow, 1.0, 0.05, rows) for rows in (1, 20))
    assert few is not None and many is not None
    assert few < many
    assert seeds_to_check(narrow, 0.0, 0.05, 1) is None


def gate(rng: np.random.Generator, rows: int, n: int, margin: float, loss: float = 0.0) -> list[Change]:
    """Return the changes of a study of fresh seeds; the first row lost `loss`."""
    return [
        change(
            rng.normal(0, 1, n),
            rng.normal(-loss if row == 0 else 0, 1, n),
            paired=False,
            margin=margin,
            scale=1.0,
        )
        for row in range(rows)
    ]


def test_as_many_seeds_as_asked_for_pass_what_is_unchanged_and_catch_twice_the_margin() -> None:
    rng = np.random.default_rng(0)
    n = seeds_to_check(Change(0.0, np.sqrt(2), 5, False, False, 1.0, 1.0, 1.0), 1.0, 0.05, rows=5)
    assert n is not None
    passed = [all(one.p_kept < 0.05 for one in gate(rng, 5, n, 1.0)) for _ in range(100)]
    caught = [holm(np.array([one.p_lost for one in gate(rng, 5, n, 1.0, 2.0)]))[0] < 0.05 for _ in range(100)]
    assert sum(passed) >= 91  # 95 expected, and two standard errors less
    assert sum(caught) >= 91


@pytest.mark.parametrize("loss", [0.0, 1.0])
def test_false_alarms_keep_the_level_of_the_whole_gate(loss: float) -> None:
    """Unchanged rows at margin 0, and a row that lost exactly the margin: called lost, or all kept, at most 5 %."""
    rng = np.random.default_rng(1)
    called = 0
    for _ in range(100):
        if loss:
            called += all(one.p_kept < 0.05 for one in gate(rng, 1, 8, 1.0, loss))
        else:
            called += bool((holm(np.array([one.p_lost for one in gate(rng, 10, 6, 0.0)])) < 0.05).any())
    assert called <= 100 * 0.05 + 2 * np.sqrt(100 * 0.05 * 0.95)
