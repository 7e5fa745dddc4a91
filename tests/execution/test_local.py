"""Training on this machine: how many processes, and that a run is the same in any of them."""

from __future__ import annotations

import gc
import shutil
import sys
import textwrap

import pytest
import torch
from support.cohorts import specs_of
from support.commands import mtlrun, reported, segments, tiny
from support.configs import run_config

from mtlrun.execution.local import Local, cores
from mtlrun.execution.workers.task import Task
from mtlrun.execution.workers.worker_pool import WorkerError
from mtlrun.planning.cohorts import group_runs
from mtlrun.store.store import Store
from mtlrun.training import width
from mtlrun.training.loop.cohort import Cohort

CPU_TASK = Task((), "cpu")

LOUD = """
    from dataclasses import dataclass

    import torch

    from mtlrun.weighting.base import Weighting


    @dataclass
    class Loud(Weighting):
        def weigh(self, signals, state):
            print("a user's own words", flush=True)
            return torch.ones_like(signals.losses), state
"""


def programs(seeds: int, width: int):
    """Return one program of runs of 4 steps."""
    configs = [run_config(seed=seed, budget__steps=4) for seed in range(seeds)]
    (program,) = group_runs(specs_of(configs))
    program.width, program.chosen = width, {"by": "launch.width"}
    return [program]


def values(store):
    """Return every stored value by what it is the value of."""
    columns = ["run_id", "task", "split", "metric", "step"]
    return Store(store).curves().set_index(columns)["value"].to_dict()


def test_processes_are_as_asked_or_as_the_study_is_worth():
    assert Local(processes=3).process_count(0.1, "cpu") == 3
    assert Local().process_count(0.1, "cpu") == 1
    assert Local().process_count(1000.0, "cpu") == cores() >= 1
    assert Local().process_count(1000.0, "cuda") == 1


def test_training_here_stores_a_segment_for_each_cohort_and_leaves_threads_alone(tmp_path):
    before, told = torch.get_num_threads(), []
    counts = Local().train(programs(3, width=2), Store(tmp_path), CPU_TASK, 1, told.append)
    assert counts == {"finished": 3, "diverged": 0, "failed": 0}
    assert (len(segments(tmp_path)), sum(told)) == (2, 12)
    assert torch.get_num_threads() == before


def test_one_cohort_needs_no_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    counts = Local().train(programs(2, width=2), Store(tmp_path), CPU_TASK, 4, lambda steps: None)
    assert counts["finished"] == 2


def test_workers_give_what_one_process_gives_whatever_a_method_prints(tmp_path, monkeypatch, capfd):
    (tmp_path / "loud_method.py").write_text(textwrap.dedent(LOUD))
    monkeypatch.chdir(tmp_path)
    target = "weighting._target_=loud_method.Loud"
    here, there = tmp_path / "here", tmp_path / "there"
    one = mtlrun("run", *tiny(here, target, "launch.width=2"))
    two = mtlrun("run", *tiny(there, target, "launch.width=2", "launch.processes=2"))
    assert (one.code, two.code) == (0, 0)
    assert "on 2 processes" in two.err
    assert one.out.replace("a user's own words\n", "") == two.out
    assert "a user's own words" in capfd.readouterr().err  # of the workers
    assert len(segments(here)) == len(segments(there)) == 6
    assert reported(here, "--level", "runs") == reported(there, "--level", "runs")
    assert values(here) == values(there)


@pytest.mark.parametrize("seeds", [4, 300])
def test_a_worker_that_dies_is_told_and_what_was_stored_stays(seeds, tmp_path, monkeypatch):
    store = Store(tmp_path)
    Local().train(programs(1, width=1), store, CPU_TASK, 1, lambda steps: None)
    before = segments(tmp_path)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    many = programs(seeds, width=seeds // 2)  # of 300, a cohort is more than a pipe holds
    with pytest.raises(WorkerError, match="ended with code 1; finished cohorts are kept"):
        Local().train(many, store, CPU_TASK, 2, lambda steps: None)
    gc.collect()  # nothing is left open
    assert segments(tmp_path) == before
    assert WorkerError.exit_code == 1


def long_program(seeds: int):
    """Return a program that seems long enough to be timed."""
    (program,) = programs(seeds, width=64)
    program.chosen, program.step_s = {"by": "default"}, 1e6
    return program


def test_a_long_program_is_timed_and_the_choice_is_told_and_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(width, "_rate", lambda configs, device, streamed: 10.0 * min(len(configs), 4))
    notes = []
    Local().train([long_program(9)], Store(tmp_path), CPU_TASK, 1, lambda steps: None, notes.append)
    assert notes == ["widths by timing, of 1 programs: up to 4 lanes"]
    costs = list(Store(tmp_path).runs()["cost"])
    assert {cost["lanes"] for cost in costs} == {3}
    assert costs[0]["width"]["by"] == "timing"
    assert costs[0]["width"]["run_steps_per_s"]["4"] == 40.0


def test_what_timing_corrects_is_corrected_for_programs_that_are_not_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(width, "_rate", lambda configs, device, streamed: 10.0 * min(len(configs), 4))
    long, (short,) = long_program(5), programs(2, width=2)
    short.step_s = 0.2
    Local().train([long, short], Store(tmp_path), CPU_TASK, 1, lambda steps: None)
    assert long.step_s == 1 / 40
    assert short.step_s == pytest.approx(0.2 * (1 / 40) / 1e6)


def test_workers_time_and_train(tmp_path):
    notes = []
    counts = Local().train([long_program(6)], Store(tmp_path), CPU_TASK, 2, lambda steps: None, notes.append)
    assert counts["finished"] == 6
    assert len(notes) == 1
    assert {cost["width"]["by"] for cost in Store(tmp_path).runs()["cost"]} == {"timing"}


def test_a_width_that_was_asked_for_and_a_short_study_need_no_timing():
    (short,) = programs(9, width=2)
    assert Local(width=2).to_time([long_program(9)]) == []
    assert Local().to_time([short]) == []
    assert Local().to_time([long_program(1)]) == []  # a single run has one lane


@pytest.mark.slow
def test_a_program_that_cannot_be_timed_fails_in_training(tmp_path, monkeypatch):
    def refuse(configs, device):
        raise ValueError("no such kernel")

    monkeypatch.setattr(width, "_rate", refuse)
    counts = Local().train([long_program(2)], Store(tmp_path), CPU_TASK, 1, lambda steps: None)
    assert counts["finished"] == 2  # here, training has no such fault
    assert Store(tmp_path).runs().iloc[0]["cost"]["width"] == {"by": "default"}


def test_after_a_cohort_was_halved_the_next_ones_are_narrower(tmp_path, monkeypatch):
    train = Cohort.train

    def scarce(self, progress):
        if len(self.seeds) > 2:
            raise MemoryError
        return train(self, progress)

    monkeypatch.setattr(Cohort, "train", scarce)
    notes = []
    Local().train(programs(8, width=4), Store(tmp_path), CPU_TASK, 1, lambda steps: None, notes.append)
    assert notes == ["out of memory: going on with cohorts of at most 2 lanes"]
    assert [cost["lanes"] for cost in Store(tmp_path).runs()["cost"]] == [2] * 8
