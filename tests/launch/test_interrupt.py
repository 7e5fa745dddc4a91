"""Ctrl-C: what had finished is kept, no process is left, and the same command goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import mtlrun, planned, segments, tiny

from mtlrun.execution.new_runs import telling_stored
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.store import Store

LIMIT_S = 120.0
"""Far longer than any of this takes, on a busy machine too."""


def study(store: Path, processes: int) -> list[str]:
    """Return the overrides of a study of 12 cohorts."""
    long = ["seeds=8", "budget.steps=240", "launch.width=2", f"launch.processes={processes}"]
    return [*tiny(store), *long]


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command as the leader of a process group, as a terminal does.

    It heeds signals even where these tests do not, as in the background of a shell or under nohup.
    """
    command = [sys.executable, "-m", "mtlrun.cli", *arguments]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    hung_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGHUP, hung_up)


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is there, while the process runs."""
    begun = time.monotonic()
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - begun < LIMIT_S
        time.sleep(0.02)


def record(run_id: str) -> RunRecord:
    """Return a finished run."""
    return RunRecord(run_id, 0, {}, "finished", None, "cpu", {}, "2026-01-01T00:00:00+00:00")


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return exit code and output. Ends only when every process that holds the streams has ended."""
    out, err = process.communicate(timeout=LIMIT_S)
    return process.returncode, out, err


def goes_on(store: Path, overrides: list[str]) -> None:
    """Assert that some cohorts are stored, and that the same command trains just the others."""
    kept = segments(store)
    assert 1 <= len(kept) < 12
    plan = planned(*overrides)
    assert (plan["runs_reused"], plan["runs_new"]) == (2 * len(kept), 24 - 2 * len(kept))
    assert mtlrun("report", str(store)).code == 0  # also of a part
    done = mtlrun("sweep", *overrides, "launch.processes=1")
    assert done.code == 0
    assert f"training {24 - 2 * len(kept)} runs, reusing {2 * len(kept)}" in done.err
    assert kept.items() < segments(store).items()
    assert planned(*overrides)["runs_new"] == 0


def test_ctrl_c_keeps_what_had_finished(tmp_path):
    overrides = study(tmp_path / "store", processes=1)
    process = start("sweep", *overrides)
    wait_for(lambda: bool(segments(tmp_path / "store")), process)
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)
    assert (code, out) == (130, "")
    assert "mtlrun: interrupted; what had finished is stored" in err
    assert "Traceback" not in err
    goes_on(tmp_path / "store", overrides)


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_ends_every_worker(tmp_path):
    overrides = study(tmp_path / "store", processes=2)
    process = start("sweep", *overrides)
    wait_for(lambda: bool(segments(tmp_path / "store")), process)
    os.killpg(process.pid, signal.SIGINT)
    code, out, err = ended(process)
    assert (code, out) == (130, "")
    assert "mtlrun: interrupted; what had finished is stored" in err
    assert "Traceback" not in err
    goes_on(tmp_path / "store", overrides)


@pytest.mark.slow
def test_ctrl_c_while_workers_start(tmp_path):
    process = start("sweep", *study(tmp_path / "store", processes=2))
    lines = iter(process.stderr.readline, "")
    assert next(line for line in lines if "on 2 processes" in line)
    os.killpg(process.pid, signal.SIGINT)
    code, out, err = ended(process)
    assert (code, out) == (130, "")
    assert "mtlrun: interrupted" in err
    assert "Traceback" not in err
    assert segments(tmp_path / "store") == {}


@pytest.mark.slow
def test_workers_end_where_the_launcher_is_killed(tmp_path):
    process = start("sweep", *study(tmp_path / "store", processes=2))
    wait_for(lambda: bool(segments(tmp_path / "store")), process)
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL  # and no worker holds the streams any more


@pytest.mark.parametrize(
    ("finished", "told"), [(0, "no new run had finished"), (1, "1 run is new"), (2, "2 runs are new")]
)
def test_what_is_said_of_the_store_is_true(finished, told, tmp_path):
    store = Store(tmp_path)
    store.append([record("earlier")])
    with pytest.raises(KeyboardInterrupt, match=told), telling_stored({"store": store}):
        if finished:
            Store(tmp_path).append([record(f"run{k}") for k in range(finished)])
        raise KeyboardInterrupt


def test_ctrl_c_before_anything_has_finished_claims_nothing(tmp_path, monkeypatch):
    def stopped(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("mtlrun.execution.local.Local.train", stopped)
    found = mtlrun("sweep", *study(tmp_path / "store", processes=1))
    assert found.code == 130
    assert found.err.splitlines()[-1] == "mtlrun: interrupted; no new run had finished, so none was stored"
    monkeypatch.setattr("mtlrun.report.formats.registry.render", stopped)
    (tmp_path / "store").mkdir(exist_ok=True)
    assert mtlrun("report", str(tmp_path / "store")).err == "mtlrun: interrupted\n"


@pytest.mark.sample(3)
@pytest.mark.parametrize(("name", "processes"), [("SIGTERM", 2), ("SIGTERM", 1), ("SIGHUP", 1)])
def test_other_signals_end_as_ctrl_c_does(name, processes, tmp_path):
    store, number = tmp_path / "store", getattr(signal, name)
    overrides = study(store, processes)
    process = start("sweep", *overrides)
    wait_for(lambda: len(segments(store)) >= 1, process)
    process.send_signal(number)
    code, out, err = ended(process)
    assert (code, out) == (128 + number, "")
    assert "Traceback" not in err and "interrupted; what had finished is stored" in err
    assert set(Store(store).statuses().values()) == {"finished"}
    goes_on(store, overrides)


def test_workers_of_a_killed_launcher_end_and_write_no_false_failures(tmp_path):
    store = tmp_path / "store"
    overrides = study(store, processes=2)
    process = start("sweep", *overrides)
    wait_for(lambda: len(segments(store)) >= 1, process)
    process.kill()
    ended(process)
    assert set(Store(store).statuses().values()) == {"finished"}
    goes_on(store, overrides)
