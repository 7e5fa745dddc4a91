"""Schedules that train some tasks in some steps, or some blocks in some phases: what moves, and what rests."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.catalog import options
from mtlrun.errors import ConfigError
from mtlrun.schedule.alternating import Alternating
from mtlrun.schedule.base import Phase, trained_steps
from mtlrun.schedule.feature_extraction import FeatureExtraction
from mtlrun.schedule.gradual_unfreeze import GradualUnfreeze
from mtlrun.schedule.pretrain_finetune import PretrainFinetune
from mtlrun.schedule.progressive import Progressive

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_steps_of_a_pattern():
    phase = Phase(8, (0, 1, 2), pattern=((0,), (1,), (0, 2)))
    assert [phase.active(step) for step in range(4)] == [(0,), (1,), (0, 2), (0,)]
    assert [phase.steps_of(task) for task in range(4)] == [5, 3, 2, 0]  # 0 1 02 0 1 02 0 1


def test_in_turn_and_drawn():
    assert Alternating().phases(3, 40) == [Phase(120, (0, 1, 2), pattern=((0,), (1,), (2,)))]
    (drawn,) = Alternating(sampling=[3.0, 1.0]).phases(2, 1000)
    assert drawn == Alternating(sampling=[3.0, 1.0]).phases(2, 1000)[0]
    share = drawn.steps_of(0) / drawn.steps
    assert abs(share - 0.75) < 5 * (0.75 * 0.25 / 2000) ** 0.5


def test_what_the_others_lay_out():
    assert Progressive(delay=0.25).phases(3, 41) == [Phase(11, (0,)), Phase(11, (0, 1)), Phase(41, (0, 1, 2))]
    assert PretrainFinetune(lr_factor=0.1).phases(3, 40) == [
        Phase(40, (0, 1)),
        Phase(40, (2,), lr_factor=0.1),
    ]
    assert FeatureExtraction().phases(2, 40) == [Phase(40, (0,)), Phase(40, (1,), freeze_shared=True)]
    phases = GradualUnfreeze(stages=3).phases(2, 40)
    assert [(p.steps, p.freeze_shared, round(p.open, 3)) for p in phases] == [
        (40, False, 1.0),
        (10, True, 1.0),
        (10, False, 0.333),
        (10, False, 0.667),
        (10, False, 1.0),
    ]
    assert [trained_steps(phases, t) for t in range(2)] == [40, 40]


@pytest.mark.parametrize("lanes", (1, 2))
def test_a_step_of_one_task_leaves_the_others_own_as_they_are(lanes):
    cohort = cohort_of([run_config(s, 10, schedule="alternating") for s in range(lanes)], CPU)
    (phase,) = cohort.phases
    trainers = {active: cohort.begin(phase, active) for active in ((0,), (1,))}
    feeds = {active: cohort.batches(phase, 0, active) for active in trainers}
    for step in range(4):  # Adam has moments of both tasks from the third step on
        active = phase.active(step)
        before = {n: p.detach().clone() for n, p in cohort.parameters.items()}
        trainers[active].step(next(feeds[active]), step)
        moved = {n for n, p in cohort.parameters.items() if not torch.equal(p, before[n])}
        owners = {cohort.owners[n] for n in moved}
        assert owners == {None, active[0]}


def test_with_nothing_shared_alternating_is_single_task_training():
    # The tasks' batches come in the order in which the baselines meet them, so every parameter agrees.
    (result,) = cohort_of([run_config(4, 30, schedule="alternating", sharing="separate")], CPU).train()
    for position, task in enumerate(("digit", "parity")):
        (alone,) = cohort_of([run_config(4, 30, suite__tasks=[task])], CPU).train()
        own = result.parameters[f"heads.tasks.{position}.weight"]
        np.testing.assert_allclose(own, alone.parameters["heads.tasks.0.weight"], rtol=1e-12)
        trunk = result.parameters[f"body.branches.{position}.0.1.weight"]
        np.testing.assert_allclose(trunk, alone.parameters["body.trunk.0.1.weight"], rtol=1e-12)


def test_blocks_open_from_the_top():
    cohort = cohort_of([run_config(0, 10, schedule="gradual_unfreeze")], CPU)
    moving = []
    for phase in cohort.phases:
        trained = cohort.begin(phase).program.trained
        moving.append({n.split(".")[2] for n in trained if n.startswith("body.trunk")})
    assert moving == [{"0", "1"}, set(), {"1"}, {"0", "1"}]


def test_opening_needs_blocks_in_an_order():
    with pytest.raises(ConfigError, match="GradualUnfreeze"):
        cohort_of([run_config(0, 10, schedule="gradual_unfreeze", sharing="cross_stitch")], CPU)


@pytest.mark.sample(4)
@pytest.mark.parametrize("schedule", options("schedule"))
@pytest.mark.parametrize("sharing", ("hard", "branched", "separate"))
def test_alone_and_among_others(schedule, sharing):
    runs = [run_config(s, 20, schedule=schedule, sharing=sharing) for s in range(16)]
    (alone,) = cohort_of(runs[5:6], CPU).train()
    among = cohort_of(runs, CPU).train()[5]
    assert alone.steps == among.steps
    for name, value in alone.parameters.items():
        np.testing.assert_allclose(among.parameters[name], value, rtol=1e-10, atol=1e-12)


def test_faults():
    assert [f.key for f in Alternating(sampling=[1.0, 0.0]).faults()] == ["sampling"]
    assert [f.key for f in Alternating(sampling=[1.0, 2.0]).misfits(["a", "b", "c"])] == ["sampling"]
    assert not list(Alternating().misfits(["a", "b", "c"]))
    assert [f.key for f in Progressive(delay=0.0).faults()] == ["delay"]
    assert [f.key for f in PretrainFinetune(lr_factor=0.0).faults()] == ["lr_factor"]
    assert [f.key for f in GradualUnfreeze(stages=0, lr_factor=0.0).faults()] == ["stages", "lr_factor"]
