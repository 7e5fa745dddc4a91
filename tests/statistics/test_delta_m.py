from __future__ import annotations

import numpy as np
import pytest

from mtlrun.statistics.delta_m import delta_m
from mtlrun.statistics.evidence import Differences, student_intervals


def test_ratio_of_means_over_tasks_by_hand() -> None:
    stl = np.array([[0.5, 2.0], [1.5, 4.0]])  # means 1 and 3
    mtl = np.array([[0.6, 1.4], [1.6, 4.0]])  # means 1.1 and 2.7
    found = delta_m(stl, mtl, np.array([1.0, -1.0]))
    assert found.value == pytest.approx((10 + 10) / 2)
    by_seed = found.of(stl, mtl)
    assert by_seed.mean() == pytest.approx(10)
    # task 1: 50 (m - 1.1 s); task 2, lower is better: -50/3 (m - 0.9 s); the first seed by hand
    assert by_seed[0] == pytest.approx(10 + 50 * (0.6 - 0.55) - 50 / 3 * (1.4 - 1.8))


def test_a_constant_ratio_has_no_error() -> None:
    stl = np.random.default_rng(1).normal(1, 0.3, (20, 2))
    np.testing.assert_allclose(delta_m(stl, 1.1 * stl, np.ones(2)).of(stl, 1.1 * stl), 10)


def test_the_linear_form_has_the_derivatives_of_the_ratio() -> None:
    rng = np.random.default_rng(2)
    stl, mtl, sign = rng.normal(1, 0.1, (6, 3)), rng.normal(1, 0.1, (6, 3)), np.array([1.0, -1.0, 1.0])
    found = delta_m(stl, mtl, sign)
    for side, step in ((0, found.multi), (1, -found.single)):
        for task in range(3):
            moved = [mtl.copy(), stl.copy()]
            moved[side][:, task] += 1e-6
            change = delta_m(moved[1], moved[0], sign).value - found.value
            assert change / 1e-6 == pytest.approx(step[task], rel=1e-4)


def test_too_little_to_say() -> None:
    one = delta_m(np.ones((1, 2)), np.full((1, 2), 1.5), np.ones(2))
    assert one.value == pytest.approx(50)
    low, high = student_intervals(Differences(np.array([[50.0]]), np.array([np.nan])), "examples", 0.95)
    assert np.isnan([low, high]).all()
    assert np.isnan(delta_m(np.ones((0, 2)), np.ones((0, 2)), np.ones(2)).value)
    assert np.isnan(delta_m(np.ones((3, 0)), np.ones((3, 0)), np.ones(0)).value)


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.93), (5, 0.93), (10, 0.93)])
def test_the_interval_covers_with_few_seeds(seeds: int, least: float) -> None:
    """A percentile bootstrap covered .71, .83 and .92 here; the baseline in the denominator varies too."""
    rng, covered, studies = np.random.default_rng(3), 0, 600
    for _ in range(studies):
        stl = rng.normal(1, 0.05, (seeds, 2))
        mtl = 0.98 * stl + rng.normal(0, 0.03, (seeds, 2))
        found = delta_m(stl, mtl, np.ones(2))
        d = found.of(stl, mtl)[:, None]
        low, high = student_intervals(Differences(d, np.array([np.nan])), "seeds", 0.95)
        covered += bool(low[0] <= -2 <= high[0])
    assert covered / studies > least - 2 * np.sqrt(0.05 * 0.95 / studies)
    assert covered / studies < 0.99
