"""Verdicts are computed from what was measured, and a goal without a measure gets none."""

from __future__ import annotations

import pytest

from benchmarks.goals import AT_LEAST, AT_MOST, WITHIN, Goal, Measured, cpu_goals, judge


@pytest.mark.parametrize(
    ("sense", "target", "value", "met"),
    [
        (AT_LEAST, 10.0, 10.0, True),
        (AT_LEAST, 10.0, 9.99, False),
        (AT_MOST, 0.5, 0.5, True),
        (AT_MOST, 0.5, 0.51, False),
        (WITHIN, 0.2, 0.81, True),
        (WITHIN, 0.2, 1.19, True),
        (WITHIN, 0.2, 0.79, False),
        (WITHIN, 0.2, 1.21, False),
    ],
)
def test_goal_is_met_up_to_its_target(sense: str, target: float, value: float, met: bool) -> None:
    goal = Goal("work", "measure", sense, target)
    (outcome,) = judge([goal], [Measured("work", "measure", [value])])
    assert goal.met_by(value) is met
    assert outcome.verdict == ("met" if met else "missed")
    assert outcome.facts()["value"]["median"] == value


def test_the_median_decides() -> None:
    goal = Goal("work", "measure", AT_LEAST, 2.0)
    lucky = [1.0, 1.0, 1.9, 50.0, 60.0]
    (outcome,) = judge([goal], [Measured("work", "measure", lucky)])
    assert outcome.spread.median == 1.9
    assert outcome.verdict == "missed"


def test_a_verdict_is_sure_where_the_whole_interval_agrees() -> None:
    goal = Goal("work", "measure", AT_LEAST, 2.0)
    (clear,) = judge([goal], [Measured("work", "measure", [2.1, 2.2, 2.3, 2.2])])
    (close,) = judge([goal], [Measured("work", "measure", [1.0, 2.5, 2.1, 3.0])])
    (once,) = judge([goal], [Measured("work", "measure", [30.0])])
    assert clear.verdict == close.verdict == once.verdict == "met"
    assert clear.sure
    assert not close.sure
    assert not once.sure


def test_only_measured_goals_get_an_outcome() -> None:
    goals = [Goal("a", "x", AT_LEAST, 1), Goal("a", "y", AT_LEAST, 1), Goal("b", "x", AT_LEAST, 1)]
    outcomes = judge(goals, [Measured("a", "y", [2.0]), Measured("c", "x", [2.0])])
    assert [(outcome.goal.work, outcome.goal.measure) for outcome in outcomes] == [("a", "y")]


def test_every_goal_is_set_once() -> None:
    goals = cpu_goals(["equal_b32_w64", "lenet_b32"], ["lenet_b32"], ["startup_help"])
    keys = [(goal.work, goal.measure) for goal in goals]
    assert len(keys) == len(set(keys))
