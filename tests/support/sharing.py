"""Commands that train into one store at the same time: how tests start them, and what they tell of themselves."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mtlrun.store import launchers
from mtlrun.store.launchers import COHORT_STATES, RUN_STATES, Launchers, new_key
from mtlrun.store.processes import identity
from support.commands import TINY, Result, segments

LIMIT_S = 120.0


def study(store: Path, *overrides: str, steps: int = 150) -> list[str]:
    """Return the overrides of a study of 12 cohorts of 2 lanes."""
    own = ("suite=linear_teachers", "model=linear", "mitigation=none,pcgrad", "seeds=6", "launch.width=2")
    small = [word for word in TINY if not word.startswith(("seeds", "budget.steps", "model"))]
    return [*small, *own, f"budget.steps={steps}", f"store={store}", *overrides]


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command that heeds SIGINT, also where these tests do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = [sys.executable, "-m", "mtlrun.cli", *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def ended(process: subprocess.Popen[str]) -> Result:
    out, err = process.communicate(timeout=LIMIT_S)
    return Result(process.returncode, out, err, b"")


def wait_for_segment(store: Path, process: subprocess.Popen[str]) -> None:
    begun = time.monotonic()
    while not segments(store):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - begun < LIMIT_S
        time.sleep(0.02)


def stored(store: Path) -> list[str]:
    """Return the run id of every record."""
    return [
        r
        for path in store.glob("*.parquet")
        for r in pq.read_table(path, columns=["run_id"])["run_id"].to_pylist()
    ]


def claim(store: Path, run_ids: list[str], **changes: Any) -> str:
    """Write what another command would tell of itself, and return its key."""
    (store / launchers.FOLDER).mkdir(parents=True, exist_ok=True)
    facts = {
        **identity(),
        "study": "main",
        "command": [],
        "started_at": "2026-01-01T00:00:00+00:00",
        "elapsed_s": 1.0,
        "beats": 1,
        "state": "training",
        "where": "1 process",
        "claims": run_ids,
        "cohorts": dict.fromkeys(COHORT_STATES, 0),
        "runs": dict.fromkeys(RUN_STATES, 0),
        "run_steps": {"done": 0, "total": 10},
        "run_steps_per_s": None,
        "left_s": None,
        "cancelled": False,
    }
    key = new_key()
    Launchers(store).write(key, facts | changes)
    return key


def all_runs(store: Path) -> list[str]:
    """Return the ids of all runs of the study, which trains nothing."""
    from mtlrun.study import plan_study

    return sorted(run_id for batch in plan_study(study(store), []).batches for run_id in batch.study.runs)
