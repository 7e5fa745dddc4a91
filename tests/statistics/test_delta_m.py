from __future__ import annotations

import numpy as np
import pytest

from mtlrun.statistics.delta_m import bootstrap_weights, delta_m


def weights(n: int, seed: int = 0) -> np.ndarray:
    return bootstrap_weights(n, 2000, np.random.default_rng(seed))


def test_ratio_of_means_over_tasks_by_hand() -> None:
    stl = np.array([[0.5, 2.0], [1.5, 4.0]])  # means 1 and 3
    mtl = np.array([[0.6, 1.4], [1.6, 4.0]])  # means 1.1 and 2.7
    found = delta_m(stl, mtl, np.array([1.0, -1.0]), weights(2))
    assert found.value == pytest.approx((10 + 10) / 2)
    assert found.low < found.value < found.high
    assert found.n == 2


def test_the_interval_is_paired() -> None:
    rng = np.random.default_rng(1)
    stl = rng.normal(1, 0.3, (20, 2))
    found = delta_m(stl, 1.1 * stl, np.ones(2), weights(20))
    assert found.low == pytest.approx(10) == found.high
    loose = delta_m(stl, 1.1 * stl[::-1], np.ones(2), weights(20))
    assert loose.high - loose.low > 5


def test_the_generator_decides() -> None:
    rng = np.random.default_rng(1)
    stl, mtl = rng.normal(1, 0.1, (10, 2)), rng.normal(1, 0.1, (10, 2))
    one, same, other = (delta_m(stl, mtl, np.ones(2), weights(10, seed)) for seed in (0, 0, 1))
    assert one == same
    assert one.low != other.low
    assert weights(5).sum(axis=1) == pytest.approx(1)


def test_too_little_to_say() -> None:
    one = delta_m(np.ones((1, 2)), np.full((1, 2), 1.5), np.ones(2), weights(1))
    assert one.value == pytest.approx(50)
    assert np.isnan([one.low, one.high]).all()
    assert np.isnan(delta_m(np.ones((0, 2)), np.ones((0, 2)), np.ones(2), np.empty((0, 0))).value)
    assert np.isnan(delta_m(np.ones((3, 0)), np.ones((3, 0)), np.ones(0), weights(3)).value)
