"""Jobs without a cluster: what passes by files, what a job does that was begun before, and jobs that are lost."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from support.commands import segments
from support.configs import run_config

from mtlrun.errors import StoreError
from mtlrun.execution.cluster import pool as pools
from mtlrun.execution.cluster.handover import Handover, Progress, Reporter, read_progress
from mtlrun.execution.cluster.job import remaining
from mtlrun.execution.cluster.pool import job_pool
from mtlrun.planning.runs import config_id
from mtlrun.planning.settings.saving import Rule


def task(store: Path, seeds: int = 2) -> dict:
    configs = [run_config(seed=seed, budget__steps=4) for seed in range(seeds)]
    more = {"chosen": {"by": "default"}, "compile": False, "deterministic": False}
    return {"configs": configs, "store": str(store), "device": "cpu", **more}


class Engine:
    """Jobs that do as their task says: end, be lost, or fail to store."""

    def __init__(self) -> None:
        self.submitted: list[list[int]] = []
        self.lost: dict[int, str] = {}
        self.ended: list[int] | None = None

    def submit(self, texts: Mapping[int, str]) -> None:
        self.submitted.append(list(texts))
        for number, text in texts.items():
            given = json.loads(text)
            reporter = Reporter(Path(given["file"]))
            reporter.tell({"run_steps": 10})
            reporter.tell({"note": f"job {number}"})
            if "lost" in given["task"]:
                reporter._write()
                self.lost[number] = given["task"]["lost"]
            else:
                reporter.end(given["task"]["event"])

    def gone(self) -> Mapping[int, str]:
        return self.lost

    def wait(self, seconds: float) -> None:
        pass

    def end(self, running: Collection[int]) -> None:
        self.ended = sorted(running)


class Planned:
    """A task as a job gets it, with what its engine should make of it."""

    def __init__(self, plain: dict) -> None:
        self.plain = plain


def run(store: Path, *tasks: dict, most: int = 2) -> tuple[Engine, list[tuple[int, dict]], list[int]]:
    """Return the engine, the events by number, and the run-steps that were told."""
    engine, told, waiting = Engine(), list[dict](), list(enumerate(map(Planned, tasks)))
    with job_pool(engine, Handover(store), most) as pool:
        found = list(pool.run(lambda: waiting.pop(0) if waiting else None, told.append))
    notes = [event["note"] for event in told if "note" in event]
    assert sorted(notes) == [f"job {number}" for number in range(1, len(tasks) + 1)]
    return engine, found, [event["run_steps"] for event in told if "run_steps" in event]


DONE = {"counts": {"finished": 1}, "memory_holds": None}


def test_tasks_that_are_ready_together_are_submitted_together_and_no_more_than_the_most(tmp_path):
    engine, found, told = run(tmp_path, *[{"event": DONE}] * 5)
    assert [len(numbers) for numbers in engine.submitted] == [2, 2, 1]
    assert found == [(number, DONE) for number in range(5)]
    assert sum(told) == 50
    assert engine.ended == []
    assert not (tmp_path / ".jobs").exists()


def test_a_lost_job_is_yielded_and_its_run_steps_are_taken_back_and_its_folder_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "GRACE_S", 0.0)
    _, found, told = run(tmp_path, {"lost": "job 7 ended"}, {"event": DONE})
    assert sorted(found, key=str) == [(0, {"lost": "job 7 ended"}), (1, DONE)]
    assert sum(told) == 10 and min(told) == -10
    assert (tmp_path / ".jobs").is_dir()


def test_a_job_that_could_not_store_ends_the_sweep_and_the_others_are_cancelled(tmp_path, monkeypatch):
    engine = Engine()
    planned = [{"event": {"error": "the disk is full"}}, {"event": DONE}, {"lost": "x"}]
    tasks = iter(list(enumerate(map(Planned, planned))))
    with (
        pytest.raises(StoreError, match="the disk is full"),
        job_pool(engine, Handover(tmp_path), 3) as pool,
    ):
        list(pool.run(lambda: next(tasks, None), lambda event: None))
    assert engine.ended == [2, 3]


def test_the_folder_is_for_its_user_alone_and_holds_json_only(tmp_path):
    handover = Handover(tmp_path)
    assert stat.S_IMODE(handover.folder.stat().st_mode) == 0o700
    text = handover.text(1, task(tmp_path))
    given = json.loads(text)
    assert given["task"]["store"] == str(tmp_path) and given["cwd"] == os.getcwd()
    assert given["path"] == [os.path.abspath(folder) for folder in sys.path]
    handover.remove()
    assert not (tmp_path / ".jobs").exists()


def in_a_process(text: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Do a task elsewhere: it changes working folder, import path and threads of its process."""
    code = "import sys; from mtlrun.execution.cluster.job import perform_text; print(perform_text(sys.stdin.read()))"
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, timeout=120, env=environment
    )


def test_a_job_stores_its_runs_once_however_often_it_is_begun(tmp_path):
    store = tmp_path / "runs"
    handover = Handover(store)
    text, file = handover.text(1, task(store)), handover.folder / "1.json"
    done = in_a_process(text)
    event = {"counts": {"finished": 2, "diverged": 0, "failed": 0}, "memory_holds": None}
    assert json.loads(done.stdout) == event
    assert read_progress(file) == Progress(1, 8, event)
    stored = segments(store)
    assert len(stored) == 1
    assert in_a_process(text).stdout == done.stdout  # it had ended
    file.write_text(json.dumps({"attempt": 1, "run_steps": 8, "event": None}))  # cut off after it had stored
    again = json.loads(in_a_process(text).stdout)
    assert again == {"counts": {"finished": 2}, "memory_holds": None}
    assert segments(store) == stored
    assert read_progress(file).attempt == 2


def test_what_is_left_of_a_task_are_runs_that_are_not_stored_as_they_are_asked_for(tmp_path):
    given = task(tmp_path / "runs", seeds=3)
    ids = [config_id(config) for config in given["configs"]]
    handover = Handover(tmp_path / "runs")
    first = {**given, "configs": given["configs"][:2], "save": {ids[0]: [Rule("last")]}}
    assert in_a_process(handover.text(1, first)).returncode == 0
    left, counts = remaining(given)
    assert (left["configs"], counts) == (given["configs"][2:], {"finished": 2})
    saved = {run_id: [list(Rule("last"))] for run_id in ids}
    left, counts = remaining({**given, "save": saved})
    assert (left["configs"], counts) == (given["configs"][1:], {"finished": 1})
    timing = {"configs": given["configs"], "device": "cpu", "time": 4}
    assert remaining(timing) == (timing, {})


def test_a_job_whose_launcher_has_gone_ends(tmp_path):
    handover = Handover(tmp_path / "runs")
    text = handover.text(1, task(tmp_path / "runs"))
    handover.remove()
    done = in_a_process(text)
    assert done.returncode == 1 and not done.stdout
    assert not list((tmp_path / "runs").glob("*.parquet"))


def test_faults_of_a_job_are_events(tmp_path):
    handover = Handover(tmp_path / "runs")
    wrong = task(tmp_path / "runs") | {"device": "cuda"}
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    event = json.loads(in_a_process(handover.text(1, wrong), hidden).stdout)
    assert "torch finds no CUDA device" in event["error"]
