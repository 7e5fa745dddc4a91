"""Real trained nulls: disjoint seeds of one cell compared as two methods raise no more false alarms than promised."""

from __future__ import annotations

import pytest

from benchmarks.trained_nulls import false_alarms, trained
from benchmarks.validity import ALPHA, two_errors

pytestmark = [pytest.mark.slow, pytest.mark.validity]
STUDIES, SEEDS = 200, 10


def test_no_method_finds_differences_between_seeds_of_one_cell() -> None:
    rates = false_alarms(trained(2 * STUDIES * SEEDS), STUDIES, SEEDS)
    assert max(rates.values()) <= two_errors(ALPHA, STUDIES), rates
