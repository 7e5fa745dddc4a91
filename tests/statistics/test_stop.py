"""When a study has enough seeds: settings, and which seeds come next."""

from __future__ import annotations

import pytest

from mtlrun.statistics.stop import Stop


def test_new_seeds_follow_the_largest_and_never_exceed_the_most():
    stop = Stop("conclusive", max=10, batch=4)
    assert stop.extended([3, 7]) == [3, 7, 8, 9, 10, 11]
    assert stop.extended(list(range(8))) == list(range(10))
    assert stop.extended(list(range(12))) == list(range(12))


@pytest.mark.parametrize("key", ["max", "batch"])
def test_numbers_below_one_are_faults(key):
    assert [fault.key for fault in Stop(**{key: 0}).faults()] == [key]
