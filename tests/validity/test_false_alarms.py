"""Guarantees of docs/statistics.md in simulated studies of 10 rows; `python -m benchmarks.validity` prints them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.validity import ALPHA, SYMMETRIC, always_covers, coverage, fixed, looks, two_errors
from mtlrun.statistics.methods import METHODS, make_method

pytestmark = [pytest.mark.slow, pytest.mark.validity]
STUDIES = 1000
LIMIT = two_errors(ALPHA, STUDIES)

every_method = pytest.mark.parametrize("method", METHODS)
symmetric = pytest.mark.parametrize("name", SYMMETRIC)


@every_method
@symmetric
@pytest.mark.parametrize("n", [5, 10, 30])
def test_null_studies_of_a_fixed_size_keep_the_level(method: str, name: str, n: int) -> None:
    assert fixed(method, SYMMETRIC[name], n, STUDIES, np.random.default_rng(n)) <= LIMIT


@symmetric
def test_looking_after_every_batch_keeps_the_level(name: str) -> None:
    assert looks("anytime", SYMMETRIC[name], STUDIES, np.random.default_rng(1)) <= LIMIT


@symmetric
@pytest.mark.parametrize("margin", [0.3, 1.0])
def test_rows_on_the_margin_are_rarely_called_neutral_at_any_look(name: str, margin: float) -> None:
    assert looks("anytime", SYMMETRIC[name], STUDIES, np.random.default_rng(2), margin) <= LIMIT


def test_the_t_test_looked_at_after_every_batch_does_not() -> None:
    assert looks("paired_t", SYMMETRIC["normal"], 200, np.random.default_rng(3)) > 0.2


@pytest.mark.parametrize("method", [name for name in METHODS if name != "anytime"])
def test_intervals_of_ten_normal_seeds_cover_in_93_to_97_percent(method: str) -> None:
    rng = np.random.default_rng(4)
    assert 0.93 <= coverage(make_method(method, 0.0, rng), SYMMETRIC["normal"], 10, 4000, rng) <= 0.97


@symmetric
def test_anytime_intervals_cover_at_all_looks_at_once(name: str) -> None:
    assert always_covers(SYMMETRIC[name], 1000, np.random.default_rng(5)) >= 0.95 - 2 * np.sqrt(0.0475 / 1000)
