from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.methods import equivalence, two_sided
from mtlrun.statistics.paired_tests.student import StudentT, moments

RNG = np.random.default_rng(3)
STL = RNG.normal(0.9, 0.02, (12, 3))
MTL = STL + RNG.normal([0.0, -0.02, 0.03], 0.02, (12, 3))
D = MTL - STL


def test_moments_leave_nan_out_and_need_two_values_for_sd() -> None:
    found = moments(np.array([[1.0, 5.0, np.nan], [3.0, np.nan, np.nan]]))
    assert found.n.tolist() == [2, 1, 0]
    np.testing.assert_array_equal(found.mean, [2.0, 5.0, np.nan])
    np.testing.assert_array_equal(found.sd, [np.sqrt(2.0), np.nan, np.nan])


def test_paired_t_agrees_with_scipy() -> None:
    expected = stats.ttest_rel(MTL, STL)
    np.testing.assert_allclose(two_sided(StudentT(), D), expected.pvalue, rtol=1e-10)
    interval = expected.confidence_interval(0.95)
    np.testing.assert_allclose(StudentT().interval(D, 0.95), interval, rtol=1e-10)


def test_missing_seeds_count_as_absent_rows() -> None:
    holes = D.copy()
    holes[[2, 5], 1] = np.nan
    short = np.delete(D[:, 1:2], [2, 5], axis=0)
    np.testing.assert_allclose(StudentT().p_above(holes, 0.0)[1:2], StudentT().p_above(short, 0.0))
    np.testing.assert_allclose(
        np.ravel(StudentT().interval(holes, 0.9))[[1, 4]], np.ravel(StudentT().interval(short, 0.9))
    )


def test_hand_computed_t() -> None:
    d = np.array([[1.0], [2.0], [3.0]])  # mean 2, sd 1: t = 2 sqrt(3) with 2 degrees of freedom
    assert two_sided(StudentT(), d)[0] == pytest.approx(2 * stats.t.sf(2 * np.sqrt(3), 2))
    assert two_sided(StudentT(), d)[0] == pytest.approx(0.0741799, abs=1e-6)


def test_corrected_resampled_t_widens_by_the_ratio() -> None:
    d = np.array([[1.0], [2.0], [3.0]])
    plain, corrected = StudentT(), StudentT(ratio=600 / 897)
    factor = np.sqrt((1 / 3 + 600 / 897) / (1 / 3))
    assert corrected.standard_error(d)[0] == pytest.approx(plain.standard_error(d)[0] * factor)
    low, high = corrected.interval(d, 0.95)
    assert (high - low)[0] == pytest.approx(np.diff(np.ravel(plain.interval(d, 0.95)))[0] * factor)
    assert two_sided(corrected, d)[0] > two_sided(plain, d)[0]


def test_ratio_may_differ_by_column() -> None:
    both = StudentT(ratio=np.array([0.0, 0.5])).standard_error(D[:, :2])
    assert both[0] == pytest.approx(StudentT().standard_error(D)[0])
    assert both[1] == pytest.approx(StudentT(ratio=0.5).standard_error(D)[1])


@pytest.mark.parametrize("n", [2, 3, 10])
def test_equal_differences_are_as_sure_as_the_sign_test_and_no_surer(n: int) -> None:
    d = np.full((n, 1), 1 / 600) + 1e-12 * np.arange(n)[:, None]
    assert two_sided(StudentT(), d)[0] == pytest.approx(2.0 ** (1 - n))
    assert two_sided(StudentT(), -d)[0] == pytest.approx(2.0 ** (1 - n))
    assert StudentT().p_above(-d, 0.0)[0] == pytest.approx(1 - 2.0**-n)


def test_no_difference_at_all_is_no_evidence() -> None:
    assert two_sided(StudentT(), np.zeros((5, 1)))[0] == 1.0


def test_below_two_seeds_nothing_is_tested() -> None:
    d = np.array([[0.3, np.nan]])
    assert np.isnan(two_sided(StudentT(), d)).all()
    assert np.isnan(StudentT().interval(d, 0.95)).all()


def test_equivalence_is_the_larger_one_sided_p() -> None:
    margin = np.array([0.03, 0.03, np.nan])
    p = equivalence(StudentT(), D, margin)
    for column in (0, 1):
        lower = stats.ttest_1samp(D[:, column], -0.03, alternative="greater").pvalue
        upper = stats.ttest_1samp(D[:, column], 0.03, alternative="less").pvalue
        assert p[column] == pytest.approx(max(lower, upper))
    assert np.isnan(p[2])
