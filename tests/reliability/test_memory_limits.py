"""Too little memory: by `ulimit -v`, by a control group, and by a strategy of one's own that takes all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.killing import study, whole_runs
from support.memory_limits import Group, limited, memory_group

from mtlrun.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")

HUNGRY = '''
import os
from dataclasses import dataclass

import torch

from mtlrun.weighting.base import Weighting


@dataclass
class Hungry(Weighting):
    """Takes as much memory as the environment says, then weighs all tasks alike."""

    def weigh(self, signals, state):
        taken = torch.ones(int(os.environ["HUNGRY_MIB"]) * 2**18)
        return torch.ones_like(signals.losses) * taken[0], state
'''
ROOM_KIB = 2_000_000
"""Address space in which a small study has room."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with a strategy of its own."""
    (tmp_path / "hungry.py").write_text(HUNGRY)
    (tmp_path / "own" / "weighting").mkdir(parents=True)
    (tmp_path / "own" / "weighting" / "hungry.yaml").write_text("_target_: hungry.Hungry\n")
    return tmp_path


def _ended(
    folder: Path,
    words: list[str],
    hungry_mib: int = 1,
    ulimit_kib: int | None = None,
    group: Group | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command with limits in the working folder."""
    line = limited([sys.executable, "-m", "mtlrun.cli", *words], ulimit_kib, group)
    environment = {**os.environ, "HUNGRY_MIB": str(hungry_mib)}
    return subprocess.run(line, capture_output=True, text=True, cwd=folder, env=environment, timeout=300)


def _two(folder: Path, processes: int = 1) -> list[str]:
    """Return a sweep over a usual strategy and the hungry one."""
    usual = [word for word in study(folder / "store", processes, seeds="2") if "mitigation" not in word]
    return ["sweep", "--config-dir", "own", "weighting=equal,hungry", *usual]


def _statuses(folder: Path) -> dict[str, str]:
    """Return the status of every run by what it was weighted with."""
    runs = Store(folder / "store").runs()
    named = [config["weighting"]["_target_"].rpartition(".")[2] for config in runs["config"]]
    return dict(zip(named, runs["status"], strict=True))


def test_too_little_for_the_libraries_is_told(folder):
    for limit in (300_000, 450_000):
        done = _ended(folder, _two(folder), ulimit_kib=limit)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr and "mtlrun: " in done.stderr
        assert "`ulimit -v`" in done.stderr and not (folder / "store").exists()


def test_model_larger_than_the_limit_is_refused_before_training(folder):
    words = [word for word in study(folder / "store", 1) if not word.startswith("model.")]
    done = _ended(folder, ["sweep", *words, "model.width=8192", "model.depth=4"], ulimit_kib=ROOM_KIB)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "`model.width` makes one run need about" in done.stderr
    assert "is free" in done.stderr and not whole_runs(folder / "store")


@pytest.mark.slow
def test_strategy_that_takes_all_memory_fails_and_other_runs_finish(folder):
    done = _ended(folder, _two(folder), 4096, ROOM_KIB)
    assert done.returncode == 1, done.stderr
    assert "2 runs failed" in done.stderr and "out of memory with a single lane" in done.stderr
    assert "Traceback" not in done.stderr
    assert _statuses(folder) == {"Equal": "finished", "Hungry": "failed"}
    again = _ended(folder, _two(folder))  # without a limit: just the failed runs are trained
    assert again.returncode == 0, again.stderr
    assert "training 2 runs" in again.stderr
    assert _statuses(folder)["Hungry"] == "finished"


@pytest.mark.slow
def test_worker_that_its_control_group_ends(folder):
    with memory_group(1200) as group:
        print(f"control groups of version {group.version}")
        done = _ended(folder, _two(folder, 2), 4096, group=group)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and "mtlrun: " in done.stderr
    assert set(_statuses(folder).values()) <= {"finished", "failed"}
    again = _ended(folder, _two(folder, 2))
    assert again.returncode == 0, again.stderr
    assert set(whole_runs(folder / "store").values()) == {1}


@pytest.mark.slow
def test_command_that_its_control_group_ends_keeps_what_had_finished(folder):
    with memory_group(1200) as group:
        done = _ended(folder, _two(folder), 4096, group=group)
    assert done.returncode == -9, done.stderr
    kept = whole_runs(folder / "store")
    again = _ended(folder, _two(folder))
    assert again.returncode == 0, again.stderr
    assert f"reusing {len(kept)}" in again.stderr or not kept
    assert set(whole_runs(folder / "store").values()) == {1}


@pytest.mark.slow
def test_estimates_know_the_control_group(folder):
    code = "from mtlrun.machine import free_memory_mib; print(free_memory_mib())"
    with memory_group(700) as group:
        done = subprocess.run(
            limited([sys.executable, "-c", code], group=group), capture_output=True, text=True
        )
    assert 500 < float(done.stdout) <= 700, done.stderr
