"""What docs/statistics.md promises of fronts; `python -m benchmarks.frontier_rates` prints the figures."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.frontier_rates import ALPHA, NULLS, SHIFT, rates
from benchmarks.validity import two_errors
from mtlrun.statistics.frontier import BEYOND, DOMINATED, ON

pytestmark = [pytest.mark.slow, pytest.mark.validity]
STUDIES = 1000
LIMIT = two_errors(ALPHA, STUDIES)


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize("variants", [1, 5])
def test_what_is_no_better_and_no_worse_is_rarely_called_so(null: str, seeds: int, variants: int) -> None:
    found = rates(null, 0.0, seeds, variants, STUDIES, np.random.default_rng(seeds))
    assert found[DOMINATED] <= LIMIT
    assert found[BEYOND] <= LIMIT


def test_what_is_clearly_behind_or_beyond_is_found() -> None:
    rng = np.random.default_rng(0)
    behind, beyond = (rates("point", shift, 20, 1, STUDIES, rng) for shift in (-SHIFT, SHIFT))
    assert behind[DOMINATED] >= 0.95 and behind[BEYOND] == 0
    assert beyond[BEYOND] >= 0.9 and beyond[DOMINATED] == 0


def test_what_lies_farther_off_than_the_margin_is_rarely_called_on_the_front() -> None:
    rng = np.random.default_rng(1)
    for shift in (-SHIFT, SHIFT):
        assert rates("point", shift, 10, 1, STUDIES, rng)[ON] <= LIMIT
