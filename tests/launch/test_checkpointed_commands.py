"""Real commands that are killed, or ended by signals: the same command goes on from their checkpoints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.commands import mtlrun, planned, segments
from support.configs import run_config
from support.stored_bits import stored_bits

from mtlrun.execution.workers.worker_pool import START
from mtlrun.store.checkpoints import Checkpoints
from mtlrun.store.store import Store

LIMIT_S = 120.0
STEPS = 300
RUNS = 6
"""Two baselines and a pair, with two seeds each, in three cohorts."""


def study(store: Path, processes: int, every_s: float | None, *more: str) -> list[str]:
    """Return the overrides of the study."""
    budget = ["seeds=2", "budget=steps", f"budget.steps={STEPS}", "budget.evaluations=2", "model.width=16"]
    launch = ["launch.width=2", f"launch.processes={processes}", f"store={store}"]
    every = "null" if every_s is None else every_s
    return [*budget, *launch, "mitigation=famo", "save=best", f"checkpoint.every_s={every}", *more]


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command that heeds SIGINT, as a terminal does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = [sys.executable, "-m", "mtlrun.cli", *arguments]
        return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for(there: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    begun = time.monotonic()
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - begun < LIMIT_S
        time.sleep(0.01)


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == -signal.SIGKILL


def steps_kept(store: Path) -> dict[str, int]:
    """Return by run id how many steps its checkpoint has."""
    return {run_id: one.step for one in Checkpoints(store).found() for run_id in one.about["runs"]}


def run_steps(told: str) -> int:
    """Return how many run-steps a command says that it trained."""
    (line,) = (line for line in told.splitlines() if " run-steps in " in line)
    return int(line.split()[0].replace(",", ""))


def goes_on(store: Path, overrides: list[str], expected: dict[str, str]) -> None:
    """Assert that the same command trains just the rest, and that every stored bit is as expected."""
    stored = Store(store).statuses()
    kept = {run_id: step for run_id, step in steps_kept(store).items() if run_id not in stored}
    assert kept, "whatever had begun was stored just then: the study is too short for this machine"
    left = (RUNS - len(stored)) * STEPS - sum(kept.values())
    plan = planned(*overrides)
    assert (plan["run_steps"], plan["runs_begun"]) == (left, len(kept))
    assert f"continued {len(kept)} runs of these, from checkpoints" in mtlrun("plan", *overrides).out
    done = mtlrun("run", *overrides)
    assert done.code == 0, done.err
    assert run_steps(done.err) == left
    assert done.err.count("going on from a checkpoint of 2 runs") == len(kept) / 2
    assert stored_bits(store) == expected
    resumed = {run["run_id"]: run["cost"].get("resumed_at") for _, run in Store(store).runs().iterrows()}
    assert resumed == {run_id: [kept[run_id]] if run_id in kept else None for run_id in resumed}
    assert steps_kept(store) == {}


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, str]:
    """Return the bits of the study when it is never stopped, and writes no checkpoint."""
    store = tmp_path_factory.mktemp("never-stopped")
    assert mtlrun("run", *study(store, 1, None)).code == 0
    assert not (store / ".checkpoints").exists()
    return stored_bits(store)


def test_a_killed_command_goes_on_from_its_last_checkpoint(tmp_path, expected):
    overrides = study(tmp_path, 1, 0.05)
    process = start("run", *overrides)
    wait_for(lambda: min(steps_kept(tmp_path).values(), default=0) > 20, process)
    killed(process)
    assert segments(tmp_path) == {}
    goes_on(tmp_path, overrides, expected)


@pytest.mark.parametrize(
    ("name", "processes"),
    [
        ("SIGTERM", 2),
        pytest.param("SIGTERM", 1, marks=pytest.mark.slow),
        pytest.param("SIGUSR1", 1, marks=pytest.mark.slow),
        pytest.param("SIGINT", 2, marks=pytest.mark.slow),
    ],
)
def test_a_command_that_was_ended_goes_on_from_its_checkpoints(name, processes, tmp_path, expected):
    overrides, number = study(tmp_path, processes, 0.05), getattr(signal, name)
    process = start("run", *overrides)
    wait_for(lambda: len(steps_kept(tmp_path)) == 2 * processes, process)
    before = steps_kept(tmp_path)
    process.send_signal(number)
    told = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 128 + number and "Traceback" not in told
    kept = steps_kept(tmp_path)
    assert all(kept[run_id] >= step for run_id, step in before.items() if run_id in kept)
    text = f"{len(kept)} runs in training have a checkpoint, the same command goes on from there"
    assert not kept or text in told
    goes_on(tmp_path, overrides, expected)


@pytest.mark.slow
def test_work_is_not_lost_where_cohorts_are_cut_otherwise(tmp_path, expected):
    process = start("run", *study(tmp_path, 1, 0.05))
    wait_for(lambda: min(steps_kept(tmp_path).values(), default=0) > 20, process)
    killed(process)
    kept = steps_kept(tmp_path)
    other = study(tmp_path, 1, 600, "launch.width=64", "seeds=3")
    plan = planned(*other)
    assert sorted(plan["lanes"]) == [1, 2, 3, 3] and plan["runs_new"] == 9
    done = mtlrun("run", *other)
    assert run_steps(done.err) == 9 * STEPS - sum(kept.values())
    found = stored_bits(tmp_path)
    assert {key: found[key] for key in expected} == expected  # in whatever company


def test_a_worker_writes_its_checkpoint_and_ends_quietly(tmp_path):
    configs = [run_config(seed, 10**6, "float32") for seed in (0, 1)]
    task = {"configs": configs, "store": str(tmp_path), "device": "cpu", "chosen": {"by": "default"}}
    task |= {"compile": False, "deterministic": False, "checkpoint_s": 600}
    command = [sys.executable, "-I", "-c", START, *sys.path]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    worker.stdin.write(json.dumps(task) + "\n")
    worker.stdin.flush()
    assert next(e for e in map(json.loads, worker.stdout) if e.get("run_steps", 0) > 0)
    os.kill(worker.pid, signal.SIGTERM)
    out, _ = worker.communicate(timeout=LIMIT_S)
    assert worker.returncode == -signal.SIGTERM
    assert all("run_steps" in json.loads(line) for line in out.splitlines())
    (one,) = Checkpoints(tmp_path).found()
    assert one.step > 0 and len(one.about["runs"]) == 2


@pytest.mark.slow
def test_a_damaged_checkpoint_is_told_by_the_command(tmp_path, expected):
    overrides = study(tmp_path, 1, 0.05)
    process = start("run", *overrides)
    wait_for(lambda: steps_kept(tmp_path), process)
    killed(process)
    for path in (tmp_path / ".checkpoints").glob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 255
        path.write_bytes(content)
    done = mtlrun("run", *overrides)
    assert (
        done.code == 0 and "a checkpoint is ignored, and its runs are trained from the beginning" in done.err
    )
    assert stored_bits(tmp_path) == expected
    assert run_steps(done.err) > 0 and steps_kept(tmp_path) == {}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the workers")
def test_a_cohort_whose_worker_was_killed_goes_on_from_its_checkpoint(tmp_path, expected):
    process = start("run", *study(tmp_path, 2, 0.05))
    wait_for(lambda: len(steps_kept(tmp_path)) == 4, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    told = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 0, told
    assert "was killed by signal 9" in told and "tried once more" in told
    assert "going on from a checkpoint of 2 runs" in told
    assert stored_bits(tmp_path) == expected
    assert (
        run_steps(told) == RUNS * STEPS
    )  # those of the killed worker are taken back, those of its checkpoint count
