from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.corrections import find_correction
from mtlrun.statistics.paired_tests.skew import clearly_skewed, lean, seeds_for_skew

RNG = np.random.default_rng(14)
HOLM = find_correction("holm")


def families(studies: int, rows: int = 10) -> list[str]:
    return [str(column // rows) for column in range(studies * rows)]


def warned(d: np.ndarray) -> float:
    flags = clearly_skewed(d, families(d.shape[1] // 10), 0.05, np.random.default_rng(0))
    return float((flags.reshape(-1, 10) == 1).any(axis=1).mean())


def test_l_skewness_by_hand() -> None:
    """1, 2, 3, 4, 5, 12: b0 = 27/6, b1 = 88/30, b2 = 276/120; l2 = 2 b1 - b0, l3 = 6 b2 - 6 b1 + b0."""
    d = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [12.0]])
    b0 = 27 / 6
    b1 = sum(i * v for i, v in enumerate(d[:, 0])) / 30
    b2 = sum(i * (i - 1) * v for i, v in enumerate(d[:, 0])) / 120
    found = lean(d, RNG)
    assert found.size[0] == pytest.approx((6 * b2 - 6 * b1 + b0) / (2 * b1 - b0))
    assert lean(-d, RNG).size[0] == pytest.approx(-found.size[0])


@pytest.mark.parametrize("draw", [lambda s: RNG.normal(size=s), lambda s: RNG.standard_t(3, s)])
def test_symmetric_studies_are_rarely_warned_of(draw: object) -> None:
    assert warned(draw((10, 4000))) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)  # type: ignore[operator]


def test_exponential_studies_are_warned_of_at_ten_seeds() -> None:
    assert warned(RNG.exponential(size=(10, 1000))) > 0.8


def test_one_skewed_row_is_told_from_the_others() -> None:
    """With 60 seeds it is found in 0.975 of studies; others are warned of in at most 0.05 of them."""
    found = []
    for _ in range(40):
        d = RNG.normal(size=(60, 10))
        d[:, 3] = RNG.lognormal(size=60)
        found.append(np.flatnonzero(clearly_skewed(d, ["f"] * 10, 0.05, RNG) == 1).tolist())
    assert sum(3 in rows for rows in found) >= 36
    assert sum(len(set(rows) - {3}) > 0 for rows in found) <= 5  # 6 of 40 at 0.05 have probability 0.014


def test_families_are_apart_and_short_or_flat_columns_untested() -> None:
    d = RNG.normal(size=(10, 3))
    d[:, 1] = 0.5
    d[5:, 2] = np.nan
    found = clearly_skewed(d, ["a", "a", "b"], 0.05, RNG)
    assert np.isnan(found).tolist() == [False, True, True]
    assert np.isnan(seeds_for_skew(d, ["a", "a", "b"], HOLM, 0.05)).tolist() == [False, False, True]


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_seeds_for_skew_are_those_of_halls_expansion(rows: int) -> None:
    """The two-sided test rejects too often by `skewness^2 / 9 x (x^4 + 2 x^2 - 3) phi(x) / n`: 0.4 of its level."""
    values = np.array([0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 30.0])
    level = 0.05 / rows
    x, skewness = stats.norm.isf(level / 2), stats.skew(values, bias=False)
    rate = skewness**2 / 9 * x * (x**4 + 2 * x**2 - 3) * stats.norm.pdf(x)
    found = seeds_for_skew(np.repeat(values[:, None], rows, axis=1), ["f"] * rows, HOLM, 0.05)
    assert found.tolist() == [np.ceil(rate / (0.4 * level))] * rows


def test_seeds_grow_with_skew_squared_and_with_the_family() -> None:
    d = RNG.exponential(size=(4000, 1))
    one = seeds_for_skew(d, ["f"], HOLM, 0.05)[0]
    assert 35 < one < 65  # skewness 2: 49
    many = seeds_for_skew(np.repeat(d, 10, axis=1), ["f"] * 10, HOLM, 0.05)[0]
    assert 6 < many / one < 9
    assert seeds_for_skew(d, ["f"], find_correction("none"), 0.05)[0] == one
