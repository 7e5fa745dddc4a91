"""Estimates of what a study takes."""

from __future__ import annotations

import pytest
from support.cohorts import size_of
from support.configs import run_config
from support.jobs import make_job

from mtlrun.planning.cohorts import cut_programs, group_runs
from mtlrun.planning.study import plan_study
from mtlrun.prepare.checks import prepare
from mtlrun.prepare.estimate import estimate, size_programs
from mtlrun.training.network import build_network


def test_an_estimate_grows_with_the_work_and_is_shared_by_processes():
    def estimated(processes: int = 1, **choices):
        programs = group_runs(plan_study(prepare([make_job(budget__min_steps=1, **choices)])).runs.values())
        size_programs(programs, memory_mib=1e6)
        return estimate(cut_programs(programs), processes)

    small, long, wide = estimated(), estimated(budget__epochs=40), estimated(model__width=512)
    assert long.seconds == pytest.approx(2 * small.seconds, rel=0.01)
    assert long.memory_mib == small.memory_mib
    assert wide.seconds > small.seconds
    assert wide.memory_mib > small.memory_mib
    assert estimated(2).seconds == pytest.approx(small.seconds / 2)
    assert estimate([]).seconds == 0


def test_frequent_records_take_time_where_something_is_shared():
    def seconds(every: int | None, **choices):
        programs = group_runs(plan_study(prepare([make_job(**choices)])).runs.values())
        size_programs(programs, memory_mib=1e6, every=every)
        return [program.step_s for program in programs if len(program.runs[0].plain["suite"]["tasks"]) == 2]

    assert seconds(0) == seconds(None)
    assert seconds(1) == pytest.approx([s * (1 + 4 / 3) for s in seconds(None)])
    assert seconds(10) == pytest.approx([s * (1 + 4 / 30) for s in seconds(None)])
    assert seconds(1, sharing="separate") == seconds(None, sharing="separate")


def test_a_network_is_sized_once_whatever_trains_it(monkeypatch):
    built = []

    def counted(*arguments, **settings):
        built.append(arguments)
        return build_network(*arguments, **settings)

    jobs = [
        make_job(weighting=weighting, model__width=width, optimizer__lr=lr)
        for weighting in ("equal", "pcgrad", "mgda")
        for width in (8, 16)
        for lr in (0.1, 0.2)
    ]
    programs = group_runs(plan_study(prepare(jobs)).runs.values())
    monkeypatch.setattr("mtlrun.prepare.estimate.build_network", counted)
    size_programs(programs, memory_mib=1e6)
    assert len(programs) > 6
    assert len(built) == 3 * 2  # both tasks and each alone, by two widths


def test_the_size_of_a_run_follows_optimizer_weighting_and_type():
    plain = size_of(run_config())
    assert size_of(run_config(optimizer="sgd", optimizer__momentum=0.0)).memory_mib < plain.memory_mib
    assert size_of(run_config(weighting="pcgrad")).flops == pytest.approx(plain.flops * 5 / 3)
    assert size_of(run_config(schedule="alternating")).memory_mib == plain.memory_mib
    forked = size_of(run_config(schedule="fork_merge"))  # keeps what each branch has learned
    assert forked.memory_mib > plain.memory_mib
    doubled = size_of({**run_config(), "dtype": "float64"})
    assert doubled.memory_mib == 2 * size_of({**run_config(), "dtype": "float32"}).memory_mib


def test_a_network_with_buffers_is_sized():
    sizes = [size_of(run_config(model="resnet18", suite__tasks=tasks)) for tasks in (["digit"], None)]
    assert 0 < sizes[0].memory_mib < sizes[1].memory_mib
