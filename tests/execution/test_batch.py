"""From jobs to stored runs: what is reused, tried again, kept when interrupted, and returned to a sweeper."""

from __future__ import annotations

import numpy as np
import pytest
from support.jobs import make_job

from mtlrun.errors import ConfigError, StoreError
from mtlrun.execution.batch import objectives, plan_batch, train_batch
from mtlrun.execution.plan_facts import plan_facts, plan_text
from mtlrun.planning.manifest import study_runs
from mtlrun.prepare.checks import prepare
from mtlrun.results import Results
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.store import Store


class Watcher:
    """Counts what it is told, and may interrupt."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after, self.steps, self.told = stop_after, 0, []

    def note(self, text: str) -> None:
        self.told.append(text)

    def begin(self, batch) -> None:
        self.told.append("begin")

    def advance(self, run_steps: int) -> None:
        self.steps += run_steps
        if self.stop_after is not None and self.steps > self.stop_after:
            raise KeyboardInterrupt

    def skip(self, run_steps: int) -> None:
        self.told.append(f"skip {run_steps}")

    def end(self) -> None:
        self.told.append("end")


def tiny_job(store, **choices):
    """Return a job of 2 seeds and 4 steps; cohorts of 2 lanes."""
    small = {
        "budget": "steps",
        "budget__steps": 4,
        "budget__evaluations": 2,
        "model__width": 4,
        "launch__processes": 1,
    }
    return make_job(**{**small, "store": str(store), **choices})


def record(run_id: str, status: str) -> RunRecord:
    """Return a stored run without values."""
    error = None if status == "finished" else "ValueError: no\nTraceback"
    return RunRecord(run_id, 0, {}, status, error, "cpu", {}, "2026-01-01T00:00:00+00:00")


def test_finished_and_diverged_runs_are_reused_and_failed_ones_are_not(tmp_path):
    job = tiny_job(tmp_path)
    ids = sorted(plan_batch(prepare([job])).study.runs)
    statuses = ("finished", "diverged", "failed")
    Store(tmp_path).append([record(run_id, s) for run_id, s in zip(ids[:3], statuses, strict=True)])
    batch = plan_batch(prepare([job]))
    assert batch.reused == set(ids[:2])
    assert sorted(run for cohort in batch.cohorts for run in cohort.run_ids) == ids[2:]


def test_runs_of_other_studies_are_not_counted_as_reused(tmp_path):
    Store(tmp_path).append([record("another", "finished")])
    assert plan_batch(prepare([tiny_job(tmp_path)])).reused == set()


def test_faults_and_stores_are_told_before_anything_trains(tmp_path):
    watcher = Watcher()
    with pytest.raises(ConfigError):
        train_batch(prepare([tiny_job(tmp_path / "store", seeds=0)]), [], watcher)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"):
        train_batch(prepare([tiny_job(tmp_path / "file")]), [], watcher)
    assert (watcher.told, watcher.steps) == ([], 0)
    assert not (tmp_path / "store").exists()


def run_counts(store: Store) -> dict[str, int]:
    """Return the number of runs of each status that there is."""
    return {status: count for status, count in Results.read(store).counts.items() if count}


def test_a_batch_is_trained_stored_and_told(tmp_path):
    watcher = Watcher()
    job = tiny_job(tmp_path)
    train_batch(prepare([job]), ["seeds=2"], watcher)
    assert (watcher.told, watcher.steps) == (["begin", "end"], 6 * 4)
    manifest = Store(tmp_path).read_study("main")
    assert manifest["command"] == ["seeds=2"]
    assert study_runs(manifest["cells"]) == set(plan_batch(prepare([job])).study.runs)
    assert run_counts(Store(tmp_path)) == {"finished": 6}
    again = Watcher()
    train_batch(prepare([job]), ["seeds=2"], again)
    assert again.told == []  # nothing to train, nothing to tell


def test_an_interrupted_batch_keeps_what_had_finished_and_can_be_reported(tmp_path):
    job = tiny_job(tmp_path)
    watcher = Watcher(stop_after=12)  # two cohorts of 2 lanes and 4 steps are 16 run-steps
    with pytest.raises(KeyboardInterrupt):
        train_batch(prepare([job]), [], watcher)
    assert watcher.told == ["begin", "end"]
    store = Store(tmp_path)
    assert run_counts(store) == {"finished": 2, "missing": 4}
    assert len(plan_batch(prepare([job])).reused) == 2
    train_batch(prepare([job]), [], Watcher())
    assert run_counts(store) == {"finished": 6}


def test_a_sweeper_gets_the_mean_of_last_validation_values_higher_is_better(tmp_path):
    jobs = [tiny_job(tmp_path, suite="linear_teachers", optimizer__lr=lr) for lr in (1e-3, 1e-1)]
    returned = objectives(train_batch(prepare(jobs), [], Watcher()))
    study = plan_batch(prepare(jobs)).study
    curves = Store(tmp_path).curves()
    for value, (cell_id,) in zip(returned, study.jobs, strict=True):
        (cell,) = [cell for cell in study.cells if cell.cell_id == cell_id]
        metric = cell.tasks[0]["metric"]
        picked = curves[
            curves["run_id"].isin(cell.runs)
            & (curves["split"] == "val")
            & (curves["step"] == 4)
            & (curves["metric"] == metric)
        ]
        assert len(picked) == 4  # two seeds, two tasks
        assert value == pytest.approx(-picked["value"].mean())  # an error: lower is better
    assert returned[1] > returned[0]  # 4 steps at 1e-3 learn next to nothing


def test_the_value_of_a_job_without_results_is_not_a_number(tmp_path):
    job = tiny_job(tmp_path)
    Store(tmp_path).append([record(run_id, "diverged") for run_id in plan_batch(prepare([job])).study.runs])
    assert np.isnan(objectives(train_batch(prepare([job]), [], Watcher()))).all()


def test_batches_of_one_command_form_one_study_and_another_command_replaces_it(tmp_path):
    def trained(weighting: str, invocation: str) -> list[str]:
        train_batch(prepare([tiny_job(tmp_path, weighting=weighting, invocation=invocation)]), [], Watcher())
        return [cell["labels"]["weighting"] for cell in Store(tmp_path).read_study("main")["cells"]]

    assert trained("equal", "one") == ["equal"]
    assert trained("dwa", "one") == ["equal", "dwa"]
    assert trained("dwa", "one") == ["equal", "dwa"]
    assert trained("equal", "two") == ["equal"]


def test_settings_are_told_apart_across_batches_of_one_command(tmp_path):
    for lr in (0.1, 0.2):
        train_batch(prepare([tiny_job(tmp_path, optimizer__lr=lr, invocation="one")]), [], Watcher())
    cells = Store(tmp_path).read_study("main")["cells"]
    assert [cell["hyper"] for cell in cells] == [{"optimizer.lr": 0.1}, {"optimizer.lr": 0.2}]


def test_jobs_that_ask_for_the_same_cell_are_told(tmp_path):
    watcher = Watcher()
    jobs = [tiny_job(tmp_path, weighting=name) for name in ("equal", "equal", "dwa")]
    train_batch(prepare(jobs), [], watcher)
    note, *rest = watcher.told
    assert note.startswith("1 of 3 jobs ask for the same cell as another")
    assert rest == ["begin", "end"]
    assert len(Store(tmp_path).read_study("main")["cells"]) == 2


def test_errors_of_failed_runs_are_told_once_and_in_one_line(tmp_path):
    ids = sorted(plan_batch(prepare([tiny_job(tmp_path)])).study.runs)
    store = Store(tmp_path)
    store.append([record(ids[0], "failed"), record(ids[1], "failed"), record(ids[2], "diverged")])
    store.write_study(plan_batch(prepare([tiny_job(tmp_path)])).study.manifest([]))
    assert Results.read(store).errors() == ["ValueError: no"]
    assert run_counts(store) == {"failed": 2, "diverged": 1, "missing": 3}


def test_a_plan_in_numbers_and_words(tmp_path):
    facts = plan_facts(plan_batch(prepare([tiny_job(tmp_path, seeds=3, launch__width=2, study="small")])))
    assert facts | {"estimate_s": 0, "memory_mib": 0} == {
        "study": "small",
        "cells": 1,
        "runs_new": 9,
        "runs_reused": 0,
        "runs_again": 0,
        "runs_begun": 0,
        "run_steps": 36,
        "steps": [4],
        "raised_from": [],
        "cohorts": 6,
        "lanes": [2, 2, 2, 1, 1, 1],
        "processes": 1,
        "estimate_s": 0,
        "memory_mib": 0,
        "data_mib": 0.4,  # 1,797 images of 64 numbers of 4 bytes
        "cohorts_streamed": 0,
        "cohorts_one_by_one": 0,
        "one_by_one": [],
    }
    lines = plan_text(facts | {"estimate_s": 1234.5, "run_steps": 1_000_000}).splitlines()
    assert lines[0] == "study small: 1 cell"
    assert "9 runs, 1,000,000 run-steps" in lines[1]
    assert lines[2] == "  steps     4 a run"
    assert "6 of 1 to 2 lanes, 1 at a time" in lines[4]
    assert "about 1,234 s" in lines[5]


def test_a_plan_says_where_epochs_of_small_data_are_too_few(tmp_path):
    longer = {"budget": "standard", "budget__epochs": 20, "budget__steps": None}
    jobs = [tiny_job(tmp_path, **longer, budget__batch_size=size) for size in (32, 8)]  # 561, 2,243 steps
    facts = plan_facts(plan_batch(prepare(jobs)))
    assert (facts["steps"], facts["raised_from"]) == ([1000, 2243], [561])
    told = "  steps     1,000 to 2,243 a run; `budget.min_steps`, as the epochs alone would be 561"
    assert told in plan_text(facts).splitlines()


def test_a_plan_with_nothing_to_do_in_words(tmp_path):
    job = tiny_job(tmp_path)
    Store(tmp_path).append([record(run_id, "finished") for run_id in plan_batch(prepare([job])).study.runs])
    facts = plan_facts(plan_batch(prepare([job])))
    assert (facts["runs_new"], facts["runs_reused"], facts["lanes"]) == (0, 6, [])
    assert "cohorts   0, 1 at a time" in plan_text(facts)


def test_what_trains_must_be_a_launcher(tmp_path):
    job = {**tiny_job(tmp_path), "launch": make_job()["model"]}
    with pytest.raises(ConfigError, match=r"`launch\._target_` must name a class"):
        plan_batch(prepare([job]))
