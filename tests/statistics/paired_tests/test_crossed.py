"""Seeds crossed with examples: values worked out by hand, units, ties, and what the bounds are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from mtlrun.statistics.paired_tests.crossed import crossed

RNG = np.random.default_rng(4)
LAYOUT = 0.3 + RNG.normal(size=(6, 1)) + RNG.normal(size=(1, 40)) + RNG.normal(size=(6, 40))
NONE = np.array([np.nan])


def test_a_layout_by_hand() -> None:
    """Two seeds, three examples: MSs = 6, MSi = 4.5, MSe = 0.5, so Var = (6 + 4.5 - 0.5) / 6."""
    found = crossed([[np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])]])
    by_seed, by_example = np.array([2.0, 4.0]), np.array([1.5, 3.0, 4.5])
    squares = {"seed": 3 * by_seed.var(ddof=1), "example": 2 * by_example.var(ddof=1)}
    assert squares == {"seed": 6.0, "example": 4.5}
    assert found.mean[0] == 3
    assert found.seed[0] == pytest.approx(6 / 6)
    assert found.example[0] == pytest.approx(4.5 / 6)
    assert found.rest[0] == pytest.approx(0.5 / 6)
    assert found.variance[0] == pytest.approx(10 / 6)
    assert found.freedom[0] == pytest.approx(10**2 / (6**2 / 1 + 4.5**2 / 2 + 0.5**2 / 2))
    low, high = found.interval(0.95)
    half = special.stdtrit(found.freedom[0], 0.975) * np.sqrt(10 / 6)
    assert (low[0], high[0]) == pytest.approx((3 - half, 3 + half))


@pytest.mark.parametrize("unit", [1e-60, 1e-13, 1e13])
def test_no_unit_changes_p_or_the_shape_of_the_interval(unit: float) -> None:
    plain, scaled = crossed([[LAYOUT]]), crossed([[LAYOUT * unit]])
    size = np.array([1.0])
    assert scaled.p_above(np.zeros(1), size * unit) == pytest.approx(plain.p_above(np.zeros(1), size))
    np.testing.assert_allclose(np.array(scaled.interval(0.95)) / unit, plain.interval(0.95), rtol=1e-9)
    np.testing.assert_allclose(np.array(scaled.shares()) / unit**2, plain.shares(), rtol=1e-9)


def test_two_sets_of_examples_add_their_parts() -> None:
    other = RNG.normal(size=(6, 25))
    both = crossed([[LAYOUT, other], [LAYOUT], [other]])
    assert both.mean[0] == pytest.approx(both.mean[1] + both.mean[2])
    assert both.example[0] == pytest.approx(both.example[1] + both.example[2])
    assert (both.m[0], both.n[0]) == (25, 6)


@pytest.mark.parametrize(("seeds", "examples"), [(2, 60), (5, 60), (5, 3)])
def test_where_all_agree_p_has_a_floor_and_there_is_no_interval(seeds: int, examples: int) -> None:
    """The same two of m examples are lost in every seed: p is no smaller than a sign test over seeds."""
    found = crossed([[np.full((seeds, examples), -0.1)]])
    below = 1 - found.p_above(np.zeros(1), np.array([0.8]))[0]
    assert below >= min(max(0.5**seeds, (1 - 0.1 / 0.8) ** examples), 0.5)
    assert np.isnan(found.interval(0.95)).all()


def test_seeds_alone_never_make_the_error_of_the_examples_smaller() -> None:
    examples = RNG.normal(size=(1, 50))
    few, many = (crossed([[examples + 0.1 * RNG.normal(size=(n, 50))]]) for n in (5, 500))
    assert many.variance[0] == pytest.approx(examples.var(ddof=1) / 50, rel=0.05)
    assert few.variance[0] >= 0.8 * many.variance[0]


def test_too_little_is_nan() -> None:
    found = crossed([[], [LAYOUT[:1]], [LAYOUT[:, :1]]])
    assert np.isnan(found.variance).all()
    assert np.isnan(found.p_above(np.zeros(3), np.ones(3))).all()
