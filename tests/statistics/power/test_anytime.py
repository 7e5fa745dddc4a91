"""What the anytime test over seeds and examples is advised to need."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.statistics.paired_tests.crossed import Crossed
from mtlrun.statistics.power.anytime import anytime_needs

N, M, FACTOR = 10.0, 400.0, 1.7


def layout(seed: float, example: float, both: float) -> Crossed:
    """Return the analysis of a column whose mean has these parts of variance."""
    zero = np.zeros(1)
    parts = (np.array([seed + both]), np.array([example + both]), np.array([both]))
    return Crossed(np.array([N]), np.array([M]), zero, *parts, zero, zero)


def needs(found: Crossed, mean: float, margin: float = np.nan):
    return anytime_needs(found, np.array([mean]), np.array([margin]), np.array([0.05]), 0.8, FACTOR)


def test_without_an_error_of_examples_it_is_that_of_seeds_at_half_the_level() -> None:
    seeds = needs(layout(1.0, 0.0, 0.0), 2.0)[0].seeds()[0]
    z = stats.norm.isf(0.05 / 4) + stats.norm.isf(0.2)
    assert seeds == pytest.approx(FACTOR * (z / 2.0) ** 2 * N, rel=1e-6)


def test_examples_that_may_be_off_leave_no_number_of_seeds() -> None:
    found = layout(0.1, 1.0, 0.2)
    assert needs(found, 2.5)[0].seeds()[0] == np.inf  # 2.24 + 0.84 standard deviations of examples alone
    assert np.isfinite(needs(found, 3.5)[0].seeds()[0])
    examples = needs(found, 2.5)[0].examples()[0]
    assert M < examples < 1e5


def test_more_of_what_is_advised_is_never_less_likely() -> None:
    found = layout(0.1, 1.0, 0.2)
    far, near = (needs(found, mean)[0] for mean in (4.0, 2.5))
    assert far.seeds()[0] < needs(found, 3.2)[0].seeds()[0]
    assert far.examples()[0] <= near.examples()[0]


def test_equivalence_needs_room_inside_the_margin() -> None:
    found = layout(0.1, 1.0, 0.2)
    assert needs(found, 1.0, 0.5)[1].seeds()[0] == np.inf
    assert np.isfinite(needs(found, 0.0, 5.0)[1].seeds()[0])
    assert needs(found, 0.0)[1].seeds()[0] == np.inf  # without a margin
