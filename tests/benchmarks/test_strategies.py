"""Weightings beside each other: every goal has its measure, under the name by which it is judged."""

from __future__ import annotations

import pytest

from benchmarks import strategies
from benchmarks.goals import STRATEGIES, STRATEGY_GOALS, cpu_goals, judge
from mtlrun.catalog import options


def test_every_goal_for_a_strategy_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies, "LANES", 2)
    found = strategies.weightings(seconds=0.001, repeats=2, clock="cpu")
    goals = [goal for goal in cpu_goals([], [], []) if goal.work == STRATEGIES]
    assert [outcome.goal for outcome in judge(goals, found)] == goals
    assert len(goals) == len(STRATEGY_GOALS)
    assert all(len(measured.values) == 2 and min(measured.values) > 0 for measured in found)


def test_they_are_weightings_and_held_against_others() -> None:
    against = {name: base for name, (base, _) in STRATEGY_GOALS.items()} | strategies.OTHERS
    assert {*against, *against.values()} <= set(options("weighting"))
    assert all(name != base for name, base in against.items())
