"""Checks of jobs before anything trains."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from support.jobs import make_job

from mtlrun.errors import ConfigError
from mtlrun.planning.study import plan_study
from mtlrun.prepare import checks as check
from mtlrun.prepare.checks import job_faults, parameter_count, prepare

SHARED = 64 * 16 + 16 + 16 * 16 + 16  # two layers of 16 units on 64 pixels
HEADS = 16 * 10 + 10 + 16 + 1  # ten digits and one parity


def keys(job) -> list[str]:
    """Return the keys of a job's faults."""
    return [fault.key for fault in job_faults(job)]


def test_a_job_from_conf_has_no_faults():
    assert job_faults(make_job()) == []


@pytest.mark.parametrize(
    ("choices", "key"),
    [
        ({"seeds": 0}, "seeds"),
        ({"seeds": True}, "seeds"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [0, -1]}, "seeds"),
        ({"seeds": [1, 1]}, "seeds"),
        ({"seeds": "many"}, "seeds"),
        ({"dtype": "float16"}, "dtype"),
        ({"device": "gpu"}, "device"),
        ({"store": ""}, "store"),
        ({"study": "a/b"}, "study"),
        ({"suite__resplit": True, "statistics": "bootstrap"}, "statistics.method"),
        ({"suite__resplit": True, "stop__until": "conclusive"}, "stop.until"),
        ({"suite__splits": 3, "statistics": "bootstrap"}, "statistics.method"),
        ({"suite__splits": 3, "statistics__over": "seeds"}, "statistics.over"),
        ({"statistics__over": "splits"}, "statistics.over"),
        ({"statistics__method": "wilcoxon"}, "statistics.method"),
        ({"suite__splits": 3, "stop__until": "conclusive"}, "stop.until"),
        ({"suite__splits": 1}, "suite.splits"),
        ({"suite__splits": 3, "suite__resplit": True}, "suite.splits"),
        ({"suite__resplit": True, "suite__train_size": 9}, "suite.resplit"),
        ({"study": 3}, "study"),
        ({"budget__batch_size": 1000}, "budget.batch_size"),
        ({"weighting": "static", "weighting__weights": [1, 2, 3]}, "weighting.weights"),
        ({"schedule": "alternating", "schedule__sampling": [1, 2, 3]}, "schedule.sampling"),
        ({"schedule": "sequential", "schedule__order": ["digit"]}, "schedule.order"),
        ({"schedule": "sequential", "schedule__order": [1, 2]}, "schedule.order"),
        ({"schedule": "fork_merge", "schedule__parts": 0}, "schedule.parts"),
        ({"suite__primary": "nobody"}, "suite.primary"),
        ({"launch__processes": 0}, "launch.processes"),
        ({"launch__width": 0}, "launch.width"),
        ({"statistics__alpha": 2}, "statistics.alpha"),
        ({"seeds": 8, "stop__until": "conclusive", "stop__max": 7}, "stop.max"),
        ({"seeds": [3, 5, 9], "stop__until": "conclusive", "stop__max": 2}, "stop.max"),
        ({"seeds": 8, "stop__until": "conclusive", "stop__max": 0}, "stop.max"),
    ],
)
def test_every_part_is_checked(choices, key):
    assert keys(make_job(**choices)) == [key]


@pytest.mark.parametrize(
    "choices",
    [
        {"seeds": 8, "stop__until": "conclusive", "stop__max": 8},
        {"seeds": [30, 50], "stop__until": "conclusive", "stop__max": 2},
        {"seeds": 8, "stop__max": 7},  # no seeds are added
    ],
)
def test_a_study_may_have_as_many_seeds_as_it_begins_with(choices):
    assert job_faults(make_job(**choices)) == []


@pytest.mark.parametrize(
    ("group", "other", "base"),
    [
        ("weighting", "sharing", "mtlrun.weighting.base.Weighting"),
        ("model", "heads", "mtlrun.models.base.Model"),
        ("suite", "budget", "mtlrun.data.suite.Suite"),
        ("statistics", "launch", "mtlrun.statistics.settings.Statistics"),
    ],
)
def test_a_class_of_another_group_is_refused(group, other, base):
    job = make_job()
    (fault,) = job_faults({**job, group: job[other]})
    assert fault.key == f"{group}._target_"
    assert base in fault.rule


def test_equal_parts_of_jobs_are_checked_once(monkeypatch):
    counted = []
    monkeypatch.setattr(check, "parameter_count", lambda config: counted.append(config["model"]["width"]))
    jobs = [make_job(optimizer__lr=lr, model__width=w) for lr in (0.1, 0.2, 0.3) for w in (8, 16)]
    assert len(plan_study(prepare(jobs)).cells) == 6
    assert counted == [8, 16]


def test_all_faults_of_a_job_come_at_once():
    job = make_job(seeds=0, device="gpu", suite__tasks=["digit", "digit"], budget__evaluations=0)
    assert keys({**job, "extra": 1}) == ["extra", "seeds", "device", "suite.tasks", "budget.evaluations"]


def test_pairs_are_each_checked():
    job = make_job(suite="digits_attributes", suite__pairs="all", heads="shared")
    found = job_faults(job)
    assert found
    assert {fault.key for fault in found} == {"heads"}


def test_jobs_are_checked_together_and_a_common_fault_is_told_once():
    jobs = [make_job(seeds=0, budget__steps=s, budget__epochs=None, budget="steps") for s in (0, -1)]
    with pytest.raises(ConfigError) as caught:
        prepare(jobs)
    assert [fault.key for fault in caught.value.faults] == ["seeds", "budget.steps", "budget.steps"]


@pytest.mark.parametrize(
    ("key", "values"),
    [("store", ("a", "b")), ("study", ("a", "b")), ("seeds", (2, 3)), ("device", ("cpu", "auto"))],
)
def test_what_a_study_has_once_cannot_be_swept(key, values):
    with pytest.raises(ConfigError, match=f"`{key}` must be the same in all cells"):
        prepare([make_job(**{key: value}) for value in values])


@pytest.mark.parametrize(("key", "value"), [("select", "joint"), ("patience", 2)])
def test_how_runs_are_read_cannot_be_swept(key, value):
    jobs = [make_job(), make_job(weighting="dwa", **{f"budget__{key}": value})]
    with pytest.raises(ConfigError, match=rf"`budget\.{key}` must be the same in all cells"):
        prepare(jobs)


def test_no_job_is_a_fault():
    with pytest.raises(ConfigError, match="no job"):
        prepare([])


def test_nodes_are_completed_so_that_defaults_given_or_not_are_one_run():
    job = make_job()
    short = {**job, "optimizer": {"_target_": job["optimizer"]["_target_"], "lr": 1e-3}}
    assert plan_study(prepare([short])).runs.keys() == plan_study(prepare([job])).runs.keys()


def test_parameters_are_counted_without_making_them():
    count = {
        sharing: parameter_count(make_job(sharing=sharing, model__width=16))
        for sharing in ("hard", "separate", "branched")
    }
    assert count["hard"] == SHARED + HEADS
    assert count["separate"] == 2 * SHARED + HEADS
    assert count["branched"] == SHARED + 16 * 16 + 16 + HEADS  # the second layer twice
    huge = make_job(model__width=100_000)
    assert parameter_count(huge) > 10**10


def test_what_a_command_asks_for_is_read_once_and_fixed():
    job = {
        **make_job(seeds=[3, 7], device="cpu"),
        "checkpoint": {"every_s": 5},
        "diagnostics": {"every": "off"},
    }
    spec = prepare(
        [
            {**job, "save": "best"},
            {**job, "save": "best", "optimizer": make_job(optimizer="sgd")["optimizer"]},
        ]
    )
    assert (spec.name, spec.seeds, spec.device, spec.save) == ("main", [3, 7], "cpu", "best")
    assert (spec.checkpoint_s, spec.every, spec.tuning, spec.trackers) == (5.0, 0, None, {})
    assert [one.nodes["optimizer"]["_target_"].rpartition(".")[2] for one in spec.jobs] == ["Adam", "SGD"]
    with pytest.raises(FrozenInstanceError):
        spec.seeds = [0]


def test_a_study_that_stops_when_conclusive_is_judged_by_the_test_that_allows_for_it():
    assert prepare([make_job()]).statistics["method"] == "paired_t"
    assert prepare([make_job(stop__until="conclusive")]).statistics["method"] == "anytime"
