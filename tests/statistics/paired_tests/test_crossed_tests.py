"""Tests over seeds and examples: what p is at least where all examples agree."""

from __future__ import annotations

import numpy as np
import pytest

from mtlrun.statistics.paired_tests.crossed import crossed
from mtlrun.statistics.paired_tests.crossed_tests import CrossedAnytime


@pytest.mark.parametrize(("examples", "least"), [(20, 2 * (7 / 8) ** 20), (3, 0.5)])
def test_where_all_examples_agree_the_anytime_p_keeps_twice_the_chance_to_see_no_exception(
    examples: int, least: float
) -> None:
    """Sixty seeds are each 0.1 better on every example: of a metric about 0.8 one in 8 examples would differ."""
    d = np.full((60, 1), 0.1)
    test = CrossedAnytime(crossed([[np.full((60, examples), 0.1)]]), d, np.array([0.8]))
    assert test.p_above(0.0)[0] == pytest.approx(least)
    assert test.p_below(0.2)[0] == pytest.approx(least)
