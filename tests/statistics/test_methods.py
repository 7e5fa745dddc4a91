"""What every method must do, whichever it is; new ones join through METHODS."""

from __future__ import annotations

from typing import get_args, get_type_hints

import numpy as np
import pytest

from mtlrun.errors import ConfigError
from mtlrun.statistics.methods import METHODS, Method, equivalence, make_method, two_sided
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.statistics.settings import Statistics

every = pytest.mark.parametrize("name", METHODS)
D = np.random.default_rng(4).normal([0.0, 0.6, -2.0, 0.3], 1.0, (18, 4))


def make(name: str, seed: int = 0) -> Method:
    return make_method(name, 0.0, np.random.default_rng(seed))


def test_settings_take_the_methods_that_there_are() -> None:
    assert set(get_args(get_type_hints(Statistics)["method"])) == set(METHODS)


@every
def test_p_rises_with_the_bound_and_lies_within_zero_and_one(name: str) -> None:
    p = np.array([make(name).p_above(D, bound) for bound in np.linspace(-4, 4, 41)])
    assert (np.diff(p, axis=0) >= -1e-12).all()
    assert ((p >= 0) & (p <= 1)).all()
    assert (p[0] < 0.01).all()
    assert (p[-1] > 0.9).all()


@every
def test_the_interval_holds_what_is_not_rejected(name: str) -> None:
    low, high = make(name).interval(D, 0.95)
    assert (low < high).all()
    near = 1e-3
    assert (make(name).p_above(D, low - near) <= 0.0251).all()
    assert (make(name).p_above(-D, -high - near) <= 0.0251).all()
    assert (make(name).p_above(D, low + near) > 0.0249).all()
    assert (make(name).p_above(-D, -high + near) > 0.0249).all()


@every
def test_a_column_is_judged_alone_and_gaps_are_closed(name: str) -> None:
    holes = D.copy()
    holes[[2, 5, 17], 1] = np.nan
    short = np.delete(D[:, [1]], [2, 5, 17], axis=0)
    np.testing.assert_allclose(make(name).p_above(holes, 0.1)[[1]], make(name).p_above(short, 0.1))
    np.testing.assert_allclose(
        np.array(make(name).interval(holes, 0.95))[:, [1]], make(name).interval(short, 0.95)
    )
    np.testing.assert_allclose(make(name).p_above(holes, 0.1)[3], make(name).p_above(D, 0.1)[3])


@every
def test_skewed_columns_together_are_judged_as_each_alone(name: str) -> None:
    skewed = np.random.default_rng(8).exponential([1.0, 10.0, 0.1], (18, 3))
    bound = np.array([0.5, 9.0, 0.06])
    together, p = np.array(make(name).interval(skewed, 0.95)), make(name).p_above(skewed, bound)
    for k in range(3):
        np.testing.assert_allclose(together[:, [k]], make(name).interval(skewed[:, [k]], 0.95))
        np.testing.assert_allclose(p[[k]], make(name).p_above(skewed[:, [k]], bound[k]))


@every
def test_scale_and_place_do_not_matter(name: str) -> None:
    p, (low, high) = make(name).p_above(D, 0.2), make(name).interval(D, 0.95)
    np.testing.assert_allclose(make(name).p_above(1e-3 * D + 5, 5 + 2e-4), p, rtol=1e-6)
    moved = make(name).interval(1e-3 * D + 5, 0.95)
    np.testing.assert_allclose(moved, [5 + 1e-3 * low, 5 + 1e-3 * high], rtol=1e-9)


@every
def test_the_bound_may_differ_by_column(name: str) -> None:
    both = make(name).p_above(D, np.array([0.0, 0.5, -1.0, 0.2]))
    assert both[1] == make(name).p_above(D, 0.5)[1]
    assert both[2] == make(name).p_above(D, -1.0)[2]


@every
@pytest.mark.parametrize("n", [2, 6, 12])
def test_equal_differences_are_no_surer_than_the_sign_test(name: str, n: int) -> None:
    d = np.full((n, 1), 1 / 600) + 1e-16 * np.arange(n)[:, None]
    p = two_sided(make(name), d)[0]
    assert 2.0 ** (1 - n) - 1e-15 <= p <= min(1.0, 4 * 2.0 ** (1 - n))  # `anytime` splits its stakes
    assert two_sided(make(name), -d)[0] == pytest.approx(p)


@every
def test_no_difference_is_no_evidence_and_one_seed_no_test(name: str) -> None:
    assert two_sided(make(name), np.zeros((8, 1)))[0] == 1.0
    lonely = np.array([[0.3, np.nan], [np.nan, np.nan]])
    assert np.isnan(make(name).p_above(lonely, 0.0)).all()
    assert np.isnan(make(name).interval(lonely, 0.95)).all()


@every
def test_equivalence_needs_a_margin_wide_of_the_interval(name: str) -> None:
    low, high = make(name).interval(D[:, [0]], 0.95)
    wide = np.array([max(-low[0], high[0]) + 0.01])
    assert equivalence(make(name), D[:, [0]], wide)[0] < 0.026
    assert equivalence(make(name), D[:, [0]], wide / 8)[0] > 0.05
    assert np.isnan(equivalence(make(name), D[:, [0]], np.array([np.nan])))[0]


@every
def test_the_same_generator_gives_the_same_answer(name: str) -> None:
    d: Array = np.concatenate([D, D + 0.1])  # 36 seeds: beyond what is counted out
    assert (two_sided(make(name), d) == two_sided(make(name), d)).all()
    other = two_sided(make(name, seed=1), d)
    np.testing.assert_allclose(other, two_sided(make(name), d), atol=0.02)


@every
def test_splits_that_vary_are_refused_before_they_mislead(name: str) -> None:
    rng = np.random.default_rng(0)
    if METHODS[name].resplit:
        assert (two_sided(make_method(name, 0.5, rng), D) > two_sided(make(name), D)).all()
    else:
        with pytest.raises(ConfigError, match=r"suite.resplit, suite.splits.*choices: paired_t"):
            make_method(name, np.array([0.0, 0.5]), rng)
