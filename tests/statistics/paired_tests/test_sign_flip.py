from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.methods import two_sided
from mtlrun.statistics.paired_tests.sign_flip import DRAWS, SignFlip

RNG = np.random.default_rng(6)


def test_three_seeds_by_hand() -> None:
    """d = 1, 2, -1 has sum 2; of the 8 sums 4, 2, 0, 2, -2, 0, -4, -2 three are 2 or more: p = 3/8."""
    d = np.array([[1.0], [2.0], [-1.0]])
    assert SignFlip(RNG).p_above(d, 0.0)[0] == pytest.approx(3 / 8)
    assert SignFlip(RNG).p_above(-d, 0.0)[0] == pytest.approx(7 / 8)  # five sums are at least -2 + 2 ties


def test_counting_agrees_with_scipy() -> None:
    d = RNG.normal(0.4, 1, 10)
    expected = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
    )
    assert SignFlip(RNG).p_above(d[:, None], 0.0)[0] == pytest.approx(expected.pvalue)


def test_drawing_agrees_with_counting() -> None:
    d = RNG.normal(0.4, 1, (16, 5))
    counted = SignFlip(RNG).p_above(d, 0.1)
    more = np.concatenate([d, np.full((1, 5), 0.1)])  # a 17th seed at the bound changes no sum
    np.testing.assert_allclose(SignFlip(RNG).p_above(more, 0.1), counted, atol=0.01)


def test_a_draw_without_any_flip_counts_as_extreme() -> None:
    """Of 17 equal seeds every flip lowers the sum: only draws that flip none, one in 2^17, are as extreme."""
    d, looks = np.ones((17, 1)), 20
    p = np.array([SignFlip(np.random.default_rng(seed)).p_above(d, 0.0)[0] for seed in range(looks)])
    extreme = np.rint(p * (1 + DRAWS)).sum() - looks
    assert abs(extreme - looks * DRAWS / 2**17) < 3 * np.sqrt(looks * DRAWS / 2**17)
    assert extreme > 0


def test_ties_count_against_a_difference() -> None:
    d = np.array([[1.0], [0.0], [0.0], [0.0]]) / 600
    assert SignFlip(RNG).p_above(d, 0.0)[0] == 0.5


@pytest.mark.parametrize(("n", "known"), [(5, False), (6, True)])
def test_below_six_seeds_there_is_no_interval(n: int, known: bool) -> None:
    assert np.isfinite(SignFlip(RNG).interval(RNG.normal(0, 1, (n, 2)), 0.95)).all() == known


@pytest.mark.parametrize("n", [6, 10])
def test_the_level_is_exact(n: int) -> None:
    p = two_sided(SignFlip(RNG), RNG.standard_t(2, (n, 8000)))
    assert abs((p <= 2 / 32).mean() - 2 / 32) < 3 * np.sqrt(0.0625 * 0.9375 / 8000)
