"""Training that was stopped and goes on from its state gives the bits of training that never stopped."""

from __future__ import annotations

import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.interrupted import CPU, Stop, StoppedError, bits, stopped_and_gone_on

from mtlrun.catalog import options
from mtlrun.planning.settings.saving import Rule

RULES = ([Rule("per_task"), Rule("joint", 2)], [Rule("last")])
KINDS = {
    "adam": {},
    "adamw-warmup": {"optimizer": "adamw", "optimizer__schedule": "cosine", "optimizer__warmup": 0.3},
    "sgd-dropout": {"optimizer": "sgd", "regularization": "dropout"},
    "full-batches": {"budget__batch_size": "full", "regularization": "l2"},
    "batchnorm": {"model": "resnet18", "model__channels": 8},
    "famo": {"weighting": "famo", "optimizer": "sgd"},
    "uncertainty": {"weighting": "uncertainty", "optimizer": "adamw"},
    "dwa-epochs": {"weighting": "dwa", "budget__batch_size": 256},
    "two-inputs": {"suite": "digits_permuted", "sharing": "mmoe", "weighting": "moco"},
    "drawn-sharing": {"sharing": "ltb"},
    "fork": {"schedule": "fork_merge", "weighting": "dwa"},
    "pretrain": {"schedule": "pretrain_finetune", "weighting": "nash_mtl"},
    "alternating": {"schedule": "alternating", "regularization": "dropout"},
    "sequential": {"schedule": "sequential"},
    "float64": {"dtype": "float64"},
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def lanes(count=2, steps=90, **choices):
    how = {"dtype": "float32", "budget__evaluations": 4, **choices}
    steps = 5 if choices.get("model") == "resnet18" else steps
    return [run_config(seed, steps, **how) for seed in range(count)]


@pytest.mark.sample(6)
@pytest.mark.parametrize("choices", KINDS.values(), ids=KINDS)
def test_bits_are_those_of_training_that_never_stopped(choices):
    configs, how = lanes(**choices), {"every": 7, "rules": RULES}
    stops = (3,) if choices.get("model") == "resnet18" else (23, 1, 47)  # in, and after, a chunk of batches
    expected = bits(cohort_of(configs, CPU, **how).train())
    assert bits(stopped_and_gone_on(configs, stops, **how)) == expected


@pytest.mark.sample(8)
@pytest.mark.parametrize("name", [name for name in options("weighting") if name != "torchjd"])
def test_every_weighting_goes_on(name):
    configs = lanes(steps=12, weighting=name, budget__batch_size=256, optimizer="sgd")
    expected = bits(cohort_of(configs, CPU).train())
    assert bits(stopped_and_gone_on(configs, (5, 4))) == expected


OTHERS = [(group, name) for group in ("sharing", "regularization", "schedule") for name in options(group)]


@pytest.mark.sample(3)
@pytest.mark.parametrize(("group", "name"), OTHERS, ids=lambda text: text)
def test_every_other_strategy_goes_on(group, name):
    sharing = {"sharing": "cgc"} if group == "regularization" else {}  # some compare what tasks share and own
    configs = lanes(steps=14, **sharing, **{group: name})
    expected = bits(cohort_of(configs, CPU).train())
    assert bits(stopped_and_gone_on(configs, (2, 2))) == expected


def test_a_stop_at_any_step_around_the_end_of_a_phase():
    configs = lanes(steps=20, schedule="pretrain_finetune")
    first, second = (phase.steps for phase in cohort_of(configs, CPU).phases)
    expected = bits(cohort_of(configs, CPU).train())
    for stop in (1, first - 1, first, first + 1, first + second - 1, first + second):
        assert bits(stopped_and_gone_on(configs, (stop,))) == expected


def test_merges_at_the_end_of_a_phase_are_kept():
    configs = lanes(steps=12, schedule="fork_merge")
    (phase,) = cohort_of(configs, CPU).phases
    expected = cohort_of(configs, CPU).train()
    assert expected[0].merges
    for stop in (len(phase.pattern) - 1, len(phase.pattern), phase.steps):
        assert bits(stopped_and_gone_on(configs, (stop,))) == bits(expected)


def test_a_lone_lane_and_lanes_of_several_strategies():
    alone = lanes(1, regularization="dropout")
    assert bits(stopped_and_gone_on(alone, (40,))) == bits(cohort_of(alone, CPU).train())
    mixed = [
        run_config(s, 40, "float32", weighting=w) for w in ("dwa", "equal", "uncertainty") for s in (0, 1)
    ]
    assert bits(stopped_and_gone_on(mixed, (17,))) == bits(cohort_of(mixed, CPU).train())


@pytest.mark.parametrize("how", ({"compiler": "eager"}, {"streamed": True}), ids=str)
def test_compiled_steps_and_streamed_inputs(how):
    configs = lanes(weighting="famo", steps=80)
    cohort = cohort_of(configs, CPU, **how)
    expected = bits(cohort.train())
    assert cohort.not_compiled is None
    assert bits(stopped_and_gone_on(configs, (30,), **how)) == expected


def test_lanes_one_by_one():
    node = {"_target_": "support.own_encoders.Branching", "width": 16}
    configs = lanes(steps=10, model="custom", model__encoder=node, dtype="float64")
    cohort = cohort_of(configs, CPU)
    assert cohort.one_by_one is not None
    assert bits(stopped_and_gone_on(configs, (4,))) == bits(cohort.train())


def test_a_diverged_lane_stays_so():
    configs = [
        run_config(0, 40, "float32"),
        run_config(1, 40, "float32", optimizer="sgd", optimizer__lr=1e30),
    ]
    configs[0] = run_config(0, 40, "float32", optimizer="sgd", optimizer__lr=0.01)
    expected = cohort_of(configs, CPU).train()
    assert expected[0].diverged_at is None and expected[1].diverged_at < 20
    assert bits(stopped_and_gone_on(configs, (20,))) == bits(expected)


def test_a_step_that_was_not_compiled_stays_so():
    configs = lanes(steps=8)
    cohort, stop = cohort_of(configs, CPU), Stop(4)
    cohort.not_compiled = "no compiler"
    with pytest.raises(StoppedError):
        cohort.train(checkpoint=stop)
    again = cohort_of(configs, CPU, "eager")
    again.train(checkpoint=Stop(-1, stop.before))
    assert again.not_compiled == "no compiler" and again.compiler is None


def test_states_fit_models_of_their_own_shapes_alone():
    stop = Stop(2)
    with pytest.raises(StoppedError):
        cohort_of(lanes(steps=4), CPU).train(checkpoint=stop)
    assert cohort_of(lanes(steps=4), CPU).fits(stop.before)
    for other in ({"model__width": 32}, {"optimizer": "sgd"}, {"sharing": "separate"}, {"dtype": "float64"}):
        assert not cohort_of(lanes(steps=4, **other), CPU).fits(stop.before)
    assert not cohort_of(lanes(3, steps=4), CPU).fits(stop.before)


def test_a_checkpoint_is_asked_after_every_step_and_written_only_where_it_is_due():
    asked = []

    class Watching(Stop):
        def due(self) -> bool:
            asked.append(1)
            return False

    cohort_of(lanes(steps=9), CPU).train(checkpoint=Watching(0))
    assert len(asked) == 9
