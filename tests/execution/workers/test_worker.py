"""The worker process: JSON lines in, JSON lines out."""

from __future__ import annotations

import io
import json

import pytest
import torch
from support.configs import run_config

from mtlrun.execution.workers import worker
from mtlrun.planning.runs import config_id
from mtlrun.store.store import Store


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def worked(*tasks) -> list[dict]:
    """Return what a worker tells while it does some tasks, after it has told that it is ready."""
    events = io.StringIO()
    worker.main(io.StringIO("".join(json.dumps(task) + "\n" for task in tasks)), events)
    ready, *others = [json.loads(line) for line in events.getvalue().splitlines()]
    assert ready == {"run_steps": 0}
    return others


def task(store, *seeds: int) -> dict:
    """Return the task of training some seeds for 6 steps."""
    configs = [run_config(seed=seed, budget__steps=6) for seed in seeds]
    return {
        "configs": configs,
        "store": str(store),
        "device": "cpu",
        "chosen": {"by": "default"},
        "compile": False,
        "deterministic": False,
    }


def test_every_cohort_is_stored_and_told(tmp_path):
    events = worked(task(tmp_path, 0, 1), task(tmp_path, 2))
    counts = [event["counts"] for event in events if "counts" in event]
    assert counts == [{"finished": n, "diverged": 0, "failed": 0} for n in (2, 1)]
    assert sum(event.get("run_steps", 0) for event in events) == 3 * 6
    ids = [config_id(run_config(seed=seed, budget__steps=6)) for seed in range(3)]
    assert list(Store(tmp_path).statuses()) == ids


def test_progress_is_told_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "REPORT_S", 0.0)
    steps = [event["run_steps"] for event in worked(task(tmp_path, 0, 1)) if "run_steps" in event]
    assert steps == [2] * 6 + [0]
    monkeypatch.setattr(worker, "REPORT_S", 1e9)
    steps = [event["run_steps"] for event in worked(task(tmp_path, 0, 1)) if "run_steps" in event]
    assert steps == [12]


def test_without_tasks_it_ends(tmp_path):
    assert worked() == []
