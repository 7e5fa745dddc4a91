"""What schedules lay out: phases as data."""

import pytest

from mtlrun.catalog import describe, load_option, options
from mtlrun.config import build
from mtlrun.schedule.base import Phase, trained_steps
from mtlrun.schedule.joint import Joint
from mtlrun.schedule.sequential import Sequential


def test_joint_training_is_one_phase():
    phases = Joint().phases(3, 40)
    assert phases == [Phase(40, (0, 1, 2), freeze_shared=False, lr_factor=1.0)]
    assert [trained_steps(phases, t) for t in range(3)] == [40, 40, 40]


def test_one_task_after_another():
    phases = Sequential(encoder="finetune", earlier_heads="keep").phases(3, 40)
    assert phases == [Phase(40, (0,)), Phase(40, (1,)), Phase(40, (2,))]
    assert [trained_steps(phases, t) for t in range(3)] == [40, 40, 40]


def test_with_a_frozen_encoder_only_the_first_task_trains_it():
    phases = Sequential(encoder="freeze").phases(3, 40)
    assert [p.freeze_shared for p in phases] == [False, True, True]
    assert [p.tasks for p in phases] == [(0,), (1,), (2,)]


@pytest.mark.parametrize("encoder", ("finetune", "freeze"))
def test_refitting_earlier_heads_trains_all_at_the_end(encoder):
    phases = Sequential(encoder=encoder, earlier_heads="refit", refit=0.25).phases(2, 41)
    assert phases[:2] == Sequential(encoder=encoder).phases(2, 41)
    assert phases[2:] == [Phase(11, (0, 1), freeze_shared=True)]  # a quarter of 41, rounded up
    assert [trained_steps(phases, t) for t in range(2)] == [52, 52]


@pytest.mark.parametrize("order", ([2, 0, 1], ["c", "a", "b"]))
def test_an_order_of_ones_own(order):
    phases = Sequential(encoder="freeze", order=order).phases_of(["a", "b", "c"], None, 40)
    assert [p.tasks for p in phases] == [(2,), (0,), (1,)]
    assert [p.freeze_shared for p in phases] == [False, True, True]  # the first to come trains the encoder
    assert not list(Sequential(order=order).misfits(["a", "b", "c"]))


def test_reversed_order():
    assert [p.tasks for p in Sequential(order="reversed").phases(3, 40)] == [(2,), (1,), (0,)]


@pytest.mark.parametrize("order", (["a"], ["a", "b", "d"], [0, 1], [1, 2, 3], ["a", "b", "b"], []))
def test_an_order_has_each_task_once(order):
    (fault,) = Sequential(order=order).misfits(["a", "b", "c"])
    assert (fault.key, fault.found) == ("order", order)


def test_replay_steps_on_earlier_tasks_in_turn():
    # A fifth of the steps: every fifth one. Four of five are left, so 8 steps of a task take 10; the last of them
    # would be a replayed one, and has nothing to follow it.
    first, second, third = Sequential(replay=0.2).phases(3, 8)
    assert first == Phase(8, (0,))
    assert second.pattern == (*[(1,)] * 4, (0,), *[(1,)] * 4)
    assert third.pattern == (*[(2,)] * 4, (0,), *[(2,)] * 4)
    assert third.tasks == (0, 2)
    phases = Sequential(replay=0.5).phases(3, 8)
    assert phases[2].pattern == (((2,), (0,), (2,), (1,)) * 4)[:15]
    assert [trained_steps(phases, t) for t in range(3)] == [8 + 7 + 4, 8 + 3, 8]


def test_one_task_alone_is_the_same_under_both():
    assert Sequential().phases(1, 40) == Joint().phases(1, 40)


@pytest.mark.parametrize("tasks", (1, 2, 3, 5))
@pytest.mark.parametrize("option", options("schedule"))
def test_every_schedule_trains_every_task_for_its_budget_at_least(option, tasks):
    phases = build(load_option("schedule", option)).phases(tasks, 40)
    for phase in phases:
        assert phase.steps >= 1
        assert set(phase.tasks) <= set(range(tasks))
        assert sum(phase.turns().values()) == phase.steps
        assert all(set(active) <= set(phase.tasks) for active in phase.turns())
        assert list(phase.tasks) == sorted(set(phase.tasks))
    assert all(trained_steps(phases, task) >= 40 for task in range(tasks))


BUDGETS = {  # what a page says of its cost, and the budgets of T tasks
    "joint": ("Cost: one budget of steps.", lambda tasks: 1),
    "alternating": ("Cost: T budgets", lambda tasks: tasks),
    "sequential": ("Cost: T budgets", lambda tasks: tasks),
    "progressive": ("Cost: 1 + (T - 1) `delay` budgets.", lambda tasks: 1 + (tasks - 1) / 4),
    "pretrain_finetune": ("Cost: two budgets", lambda tasks: 2),
    "feature_extraction": ("Cost: two budgets", lambda tasks: 2),
    "gradual_unfreeze": ("Cost: two budgets", lambda tasks: 2),
    "fork_merge": ("T + 1 without", lambda tasks: tasks + 1),
}


@pytest.mark.parametrize("tasks", (2, 3, 5))
@pytest.mark.parametrize("option", options("schedule"))
def test_the_page_tells_the_budgets_that_training_takes(option, tasks):
    told, budgets = BUDGETS[option]
    assert told in " ".join(describe("schedule", option).docstring.split())
    phases = build(load_option("schedule", option)).phases(tasks, 120)
    assert sum(phase.steps for phase in phases) == 120 * budgets(tasks)


def test_what_reports_read():
    assert Joint().select == "per_task"
    assert Sequential().select == "last"  # which shows forgetting


@pytest.mark.parametrize("refit", (0.0, -1.0, 1.5))
def test_faults(refit):
    assert [f.key for f in Sequential(refit=refit).faults()] == ["refit"]
    assert not list(Sequential(refit=1.0).faults())
    assert [f.key for f in Sequential(replay=refit).faults()] == ([] if refit == 0 else ["replay"])
