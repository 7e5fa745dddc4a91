from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.paired_tests.bootstrap import Bootstrap
from mtlrun.statistics.paired_tests.student import StudentT

RNG = np.random.default_rng(10)


def test_two_seeds_by_hand() -> None:
    """Resamples of d = -1, 3 have means -1, 1, 3 with weights 1/4, 1/2, 1/4; there is no bias and no skew.

    P(mean <= 0) = 1/4 is the normal quantile -0.674; times sqrt(1/2), -0.477, of t with 1 degree of freedom: 0.359.
    The t test itself has t = 1 / 2, p 0.352.
    """
    p = Bootstrap(np.random.default_rng(0)).p_above(np.array([[-1.0], [3.0]]), 0.0)[0]
    assert p == pytest.approx(0.5 + np.arctan(-0.67449 * np.sqrt(0.5)) / np.pi, abs=0.005)


def test_many_seeds_agree_with_scipys_bca() -> None:
    d = RNG.gamma(2.0, 1.0, 150)
    expected = stats.bootstrap((d,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1))
    wide = (expected.confidence_interval.high - expected.confidence_interval.low) / 2
    low, high = Bootstrap(np.random.default_rng(0)).interval(d[:, None], 0.95)
    assert high[0] == pytest.approx(expected.confidence_interval.high, abs=0.05 * wide)
    assert low[0] <= expected.confidence_interval.low
    assert low[0] == pytest.approx(StudentT().interval(d[:, None], 0.95)[0][0])


def test_symmetric_differences_give_the_t_interval() -> None:
    d = stats.norm.ppf((np.arange(12) + 0.5) / 12)[:, None]
    t = StudentT().interval(d, 0.95)
    np.testing.assert_allclose(Bootstrap(np.random.default_rng(0)).interval(d, 0.95), t, rtol=0.06)


def test_the_interval_leans_with_the_skew() -> None:
    d = stats.expon.ppf((np.arange(40) + 0.5) / 40)[:, None]
    (low,), (high,) = Bootstrap(np.random.default_rng(0)).interval(d, 0.95)
    assert low == StudentT().interval(d, 0.95)[0]
    assert high - d.mean() > 1.1 * (d.mean() - low)
