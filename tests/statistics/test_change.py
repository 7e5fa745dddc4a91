from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.change import Change, change, change_by_seed, changes, seeds_to_check
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


def test_columns_are_tested_each_alone() -> None:
    locked, fresh = RNG.normal(0, 1, (12, 3)), RNG.normal(0, 2, (12, 3))
    for paired in (True, False):
        together = changes(locked, fresh, paired=paired, margin=np.array([0.1, 0.2, 0.3]))
        for row, margin in enumerate((0.1, 0.2, 0.3)):
            one = change(locked[:, row], fresh[:, row], paired=paired, margin=margin, scale=1.0)
            for name, values in together._asdict().items():
                assert values[row] == pytest.approx(getattr(one, name), rel=1e-12)


def test_split_seeds_have_wider_errors() -> None:
    """Paired, 12 seeds, n_test / n_train = 1/4: sqrt(1/12 + 1/4) is twice sqrt(1/12)."""
    fresh = RNG.normal(0, 1, 12)
    plain = change(LOCKED, fresh, paired=True, margin=0.3, scale=1.0)
    assert change(LOCKED, fresh, paired=True, margin=0.3, scale=1.0, ratio=0.25).error == pytest.approx(
        2 * plain.error
    )


@pytest.mark.parametrize(
    ("first", "last", "paired", "n"),
    [
        (0, 6, True, 6),
        (2, 5, True, 3),
        (0, 40, True, 6),
        (2, 8, True, 4),
        (5, 12, False, 6),
        (6, 8, False, 2),
    ],
)
def test_common_seeds_are_paired_where_there_are_enough_of_them(first, last, paired, n) -> None:
    """Six locked seeds, 0 to 5. Of 2 to 7, four are common: 1/4 <= 1/6 + 1/6. Of 5 to 11, one is: 1 > 1/6 + 1/7."""
    before = dict(enumerate(LOCKED[:6]))
    after = {seed: float(RNG.normal()) for seed in range(first, last)}
    found = change_by_seed(before, after, margin=1.0, scale=1.0)
    common = before.keys() & after.keys()
    assert (found.paired, found.n) == (paired, n)
    sides = [[side[s] for s in (common if paired else side)] for side in (before, after)]
    assert found.mean == pytest.approx(np.mean(sides[1]) - np.mean(sides[0]))


def test_nothing_changed_only_where_all_locked_seeds_are_there() -> None:
    before = dict(enumerate(LOCKED))
    assert change_by_seed(before, before | {99: 0.0}, margin=0.1, scale=1.0).none
    part = change_by_seed(before, {seed: before[seed] for seed in range(5)}, margin=0.1, scale=1.0)
    assert (part.none, part.paired, part.n) == (False, True, 5)
    assert part.p_kept == 2.0**-5  # five equal seeds are no more than that
    alone = change_by_seed({0: 0.5}, {0: 0.5, 1: 3.0}, margin=0.1, scale=1.0)
    assert alone.none


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
    known = Change(0.0, np.sqrt(2), 5, False, False, 1.0, 1.0, 1.0)  # its spread is
    n = seeds_to_check(known, 1.0, 0.05, rows=5)
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
