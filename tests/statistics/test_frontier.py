"""Where a setting lies against a front of points."""

from __future__ import annotations

import numpy as np
import pytest

from mtlrun.statistics.frontier import NOWHERE, Position, on_front, position, spread_out
from mtlrun.statistics.paired_tests.resamples import bootstrap_weights
from mtlrun.statistics.paired_tests.sign_flip import SignFlip
from mtlrun.statistics.paired_tests.student import Array, StudentT


def bounds_by(method):
    """Return bounds by a method over seeds."""
    return lambda d, layouts, level: method.interval(d, level)


FRONT = np.array([[2.0, 0.0], [0.0, 2.0]])


def at(own: Array, front: Array = FRONT, seeds: int = 4, margin: float = 1.0) -> Position:
    """Return the position of variants (V, T) against points (G, T) that are the same in every seed."""
    weights = bootstrap_weights(seeds, 50, np.random.default_rng(0))
    own, front = (np.repeat(np.array(values, dtype=float)[None], seeds, axis=0) for values in (own, front))
    return position(front, own, front, own, bounds_by(StudentT()), weights, margin)


def test_a_setting_behind_on_the_front_and_beyond_worked_out_by_hand():
    """Against the points (2, 0) and (0, 2), all seeds alike, so that bounds are the means.

    (-1, -1): its leads are (-3, -1) and (-1, -3). Both points beat it by 1 at least: -1.
    (3, 1): (1, 1) over the first, which it beats by 1; (3, -1) over the second, which does not reach it on
    the first task: 1. (1, 1): (-1, 1) and (1, -1); neither point reaches it, and it beats neither: 0.
    """
    behind, on, beyond = (at([own]) for own in ([-1, -1], [1, 1], [3, 1]))
    assert (behind.lead, behind.low, behind.high, behind.word) == (-1, -1, -1, "dominated")
    assert (on.lead, on.low, on.high, on.word) == (0, 0, 0, "on the front")
    assert (beyond.lead, beyond.low, beyond.high, beyond.word) == (1, 1, 1, "beyond it")
    assert [(p.dominated, p.beyond, p.confidence) for p in (behind, on, beyond)] == [
        (1, 0, 1),
        (0, 0, 1),
        (0, 1, 1),
    ]


def test_to_beat_a_point_that_another_point_beats_is_not_to_be_beyond():
    with_poor_point = np.array([[2, 2], [1, 1]])
    assert at([[1.5, 1.5]], with_poor_point).word == "dominated"
    assert at([[1.5, 2.2]], with_poor_point).word == "on the front"


def test_a_gain_on_one_task_paid_for_on_the_other_is_on_the_front_of_one_point():
    assert at([[5, -3]], np.array([[0, 0]])).word == "on the front"
    assert at([[5, 0.2]], np.array([[0, 0]])).word == "beyond it"


def test_other_seeds_validation_chooses_and_test_judges():
    """Validation prefers the first variant in all seeds; on test it is the worse one, and it is judged."""
    seeds = 4
    own_val = np.broadcast_to(np.array([[1.0, 1.0], [0.0, 0.0]]), (seeds, 2, 2))
    own = np.broadcast_to(np.array([[-2.0, -2.0], [3.0, 3.0]]), (seeds, 2, 2))
    point = np.zeros((seeds, 1, 2))
    found = position(point, own_val, point, own, bounds_by(StudentT()), np.full((1, seeds), 1 / seeds), 1.0)
    assert (found.lead, found.word) == (-2, "dominated")


def test_a_seeds_own_validation_value_has_no_part_in_its_choice():
    """One seed of three has a huge validation value at a point; only the two others then choose it."""
    front_val, front = np.zeros((3, 2, 1)), np.zeros((3, 2, 1))
    front_val[:, 0], front_val[0, 1] = 1.0, 100.0
    front[:, 1] = [[7.0], [1.0], [1.0]]
    own = np.zeros((3, 1, 1))
    found = position(front_val, own, front, own, bounds_by(StudentT()), np.full((1, 3), 1 / 3), 1.0)
    assert found.lead == pytest.approx(-(0 + 1 + 1) / 3)


def test_noise_without_a_verdict_is_undecided():
    rng = np.random.default_rng(3)
    values = rng.normal(0, 3, (4, 6, 2))
    found = position(
        values[:, :5], values[:, 5:], values[:, :5], values[:, 5:], bounds_by(StudentT()), np.eye(4), 0.5
    )
    assert found.word == "undecided" and found.low < -0.5
    assert np.isnan(found.confidence) and 0 <= found.dominated <= 1


def test_two_seeds_are_enough() -> None:
    assert at([[3, 1]], seeds=2).word == "beyond it"


def test_bounds_get_the_leads_by_test_case():
    """Two seeds, points (2, 0) and (0, 2), a setting at (3, 1), which case i raises by 10 i and 20 i.

    The first point is the one that it beats most and that is nearest to beating it: leads 1 + 10 i and 1 + 20 i.
    Of the second point the first task is the one on which the setting is ahead: 3 + 10 i.
    """
    cases, seeds = np.arange(3.0), 2
    front, own = (np.repeat(np.array(one)[None], seeds, axis=0) for one in (FRONT, [[3.0, 1.0]]))
    front_cases = [np.repeat(front[:, :, [task]], 3, axis=2) for task in range(2)]
    own_cases = [own[:, :, [task]] + (task + 1) * 10 * cases for task in range(2)]
    given = []

    def bounds(d, layouts, level):
        given.append(([[layout.tolist() for layout in column] for column in layouts], level))
        return StudentT().interval(d, level)

    position(front, own, front, own, bounds, np.eye(2), 1.0, 0.1, front_cases, own_cases)
    first, second, other = ([[[k, k + s, k + 2 * s]] * seeds] for k, s in ((1, 10), (1, 20), (3, 10)))
    assert given == [([first, second], 0.8), ([first, other], 0.8), ([first, second], 0.8)]
    given.clear()
    position(front, own, front, own, bounds, np.eye(2), 1.0, 0.1, [front_cases[0], None], own_cases)
    assert given[0] == ([first, []], 0.8)


def test_too_few_seeds_are_nowhere():
    assert at([[1, 1]], seeds=1) == pytest.approx(NOWHERE, nan_ok=True)
    four = np.zeros((4, 1, 2))  # sign flips of four seeds have no such bounds
    rng = np.random.default_rng(0)
    found = position(four, four + 1, four, four + 1, bounds_by(SignFlip(rng)), np.eye(4), 1.0)
    assert found.word == "undecided" and np.isnan(found.low)


def test_the_front_is_what_no_other_point_beats():
    points = np.array([[0, 3], [1, 1], [2, 2], [3, 0], [3, 0]])
    assert on_front(points).tolist() == [True, False, True, True, True]


def test_every_beginning_of_the_order_is_spread_over_the_grid():
    """Eleven places in a row: the middle, then 2 and 8, which leave the least on both sides."""
    line = np.arange(11.0)[:, None]
    order = spread_out(line).tolist()
    assert order[:3] == [5, 2, 8] and sorted(order) == list(range(11))
    triangle = np.array([[2, 0, 0], [1, 1, 0], [2 / 3, 2 / 3, 2 / 3], [0, 2, 0], [0, 0, 2]])
    assert spread_out(triangle)[0] == 2


@pytest.mark.parametrize("unit", [1.0, 0.1])
def test_of_equally_good_places_the_more_central_is_next(unit: float) -> None:
    """Of 0, 1, 2, 4 the mean is 7/4, so 2 is first. Each of the others leaves 5: 1 is the nearest to the mean."""
    assert spread_out(unit * np.array([[0.0], [1.0], [2.0], [4.0]])).tolist() == [2, 1, 3, 0]
