from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.methods import two_sided
from mtlrun.statistics.paired_tests.wilcoxon import Wilcoxon

RNG = np.random.default_rng(8)


def test_three_seeds_by_hand() -> None:
    """d = 1, 2, -0.5: ranks 2, 3 and 1; W = 5 of 6, reached by 2 of the 8 signs (+++ and -++): p = 2/8."""
    d = np.array([[1.0], [2.0], [-0.5]])
    assert Wilcoxon().p_above(d, 0.0)[0] == pytest.approx(2 / 8)


@pytest.mark.parametrize("n", [6, 20, 50])
def test_agrees_with_scipy_where_there_are_no_ties(n: int) -> None:
    d = RNG.normal(0.3, 1, (n, 4))
    expected = stats.wilcoxon(d, axis=0, method="exact").pvalue
    np.testing.assert_allclose(two_sided(Wilcoxon(), d), expected)
    shifted = stats.wilcoxon(d + 0.4, axis=0, method="exact", alternative="greater").pvalue
    np.testing.assert_allclose(Wilcoxon().p_above(d, -0.4), shifted)


def test_interval_ends_are_walsh_averages() -> None:
    """Of 6 seeds only W = 21 (probability 1/64) is below 0.025: the ends are the least and largest value."""
    d = RNG.normal(0, 1, (6, 3))
    np.testing.assert_allclose(Wilcoxon().interval(d, 0.95), [d.min(axis=0), d.max(axis=0)])
    assert np.isnan(Wilcoxon().interval(d[:5], 0.95)).all()


def test_ties_never_raise_the_level() -> None:
    d = np.round(RNG.normal(0, 1.5, (12, 6000)))
    p = two_sided(Wilcoxon(), d)
    assert (p <= 0.05).mean() < 0.05
    assert (p <= 0.05).mean() > 0.005
