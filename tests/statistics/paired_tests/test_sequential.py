from __future__ import annotations

import numpy as np
import pytest

from mtlrun.statistics.methods import two_sided
from mtlrun.statistics.paired_tests.sequential import BETS, Anytime

RNG = np.random.default_rng(12)


def test_three_seeds_by_hand() -> None:
    """d = 1, 3, 2 against 0: the first two are bet on by sign, the third at 2 / sd(1, 3) = 2 / sqrt(2)."""
    t = np.tanh(BETS)
    wealth = ((1 + t) ** 2 * (1 + np.tanh(np.array(BETS) * np.sqrt(2)))).mean()
    assert Anytime().p_above(np.array([[1.0], [3.0], [2.0]]), 0.0)[0] == pytest.approx(1 / wealth)


def test_a_loss_takes_back_no_evidence() -> None:
    d = np.array([[1.0], [3.0], [2.0], [-9.0], [-9.0]])
    assert Anytime().p_above(d, 0.0)[0] == Anytime().p_above(d[:3], 0.0)[0]


def test_order_counts() -> None:
    d = RNG.normal(0.5, 1, (12, 1))
    assert Anytime().p_above(d, 0.0)[0] != Anytime().p_above(d[::-1], 0.0)[0]


def test_more_seeds_never_raise_p_nor_widen_the_interval() -> None:
    d = RNG.normal(0.3, 1, (60, 20))
    p = np.array([Anytime().p_above(d[:n], 0.0) for n in range(2, 61)])
    assert (np.diff(p, axis=0) <= 0).all()
    low, high = np.array([Anytime().interval(d[:n], 0.95) for n in range(10, 61, 5)]).transpose(1, 0, 2)
    assert (np.diff(low, axis=0) >= -1e-9).all()
    assert (np.diff(high, axis=0) <= 1e-9).all()


def test_an_effect_is_found() -> None:
    assert (two_sided(Anytime(), RNG.normal(0.8, 1, (64, 200))) < 0.005).mean() > 0.9


@pytest.mark.parametrize("draw", ["standard_normal", "standard_cauchy", "laplace"])
def test_looking_after_every_seed_keeps_the_level_for_any_symmetric_distribution(draw: str) -> None:
    d = getattr(RNG, draw)(size=(100, 4000))
    ever = Anytime().p_above(d, 0.0) <= 0.05  # p never rises: the last one is the smallest
    assert ever.mean() < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 4000)


def test_a_centre_below_the_bound_raises_no_alarm_even_with_two_peaks() -> None:
    d = RNG.choice([-1.0, 1.0], (60, 4000)) + 0.05 * RNG.standard_normal((60, 4000)) - 0.2
    assert (Anytime().p_above(d, 0.0) <= 0.05).mean() < 0.05


def test_a_change_of_heart_leaves_no_interval() -> None:
    d = np.concatenate([RNG.normal(10, 1, (30, 1)), RNG.normal(-10, 1, (200, 1))])
    assert np.isnan(Anytime().interval(d, 0.95)).all()


def test_no_interval_below_seven_seeds() -> None:
    d = np.arange(9.0)[:, None]
    assert np.isnan(Anytime().interval(d[:6], 0.95)).all()
    assert np.isfinite(Anytime().interval(d[:7], 0.95)).all()


@pytest.mark.parametrize("value", [0.0, -2.0, 1e-300])
def test_differences_that_are_all_equal_are_their_own_interval(value: float) -> None:
    low, high = Anytime().interval(np.full((10, 1), value), 0.95)
    assert low[0] <= value <= high[0]
    assert high[0] - low[0] <= 1e-8 * abs(value)
