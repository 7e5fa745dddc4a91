"""Trackers that fail: the study is finished, one note says why, and the exit code is that of the study."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.commands import mtlrun
from support.tracked import copy_of, free_port, silent_server

from mtlrun.trackers.process import write_trackers

LATER = "; results are stored, and the same command writes them later"


def notes(store: Path, name: str, **settings) -> list[str]:
    """Return what is told of writing a store's study to a tracker of `support.own_trackers`."""
    told: list[str] = []
    node = {"_target_": f"support.own_trackers.{name}", **settings}
    write_trackers({"mine": node}, store, "main", told.append)
    return told


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_tracker_that_works(trained, tmp_path):
    path = tmp_path / "names"
    assert notes(trained.store, "Noting", path=str(path)) == [f"mine: wrote 12 runs: {path}"]
    assert "digits_parity hard none seed=0" in path.read_text().splitlines()


@pytest.mark.parametrize(
    ("name", "why"),
    [("Raising", "ZeroDivisionError: no such thing"), ("Dying", "its process ended with code 7")],
)
def test_a_tracker_that_fails_is_told_in_one_note(trained, name, why):
    assert notes(trained.store, name) == [f"mine: not written: {why}{LATER}"]


def test_a_tracker_that_hangs_is_ended(trained, tmp_path):
    begun = time.monotonic()
    told = notes(trained.store, "Hanging", path=str(tmp_path / "pid"), timeout_s=0.5)
    assert told == [f"mine: not written: no answer for timeout_s=0.5{LATER}"]
    assert time.monotonic() - begun < 60
    assert not is_running(int((tmp_path / "pid").read_text()))


@pytest.mark.slow
def test_a_tracker_that_never_comes_to_an_end_is_ended(trained):
    told = notes(trained.store, "Dripping", limit_s=15.0)
    assert told == [f"mine: not written: it took longer than limit_s=15{LATER}"]


def test_several_trackers_each_have_their_note(trained, tmp_path):
    told: list[str] = []
    options = {
        "bad": {"_target_": "support.own_trackers.Raising"},
        "good": {"_target_": "support.own_trackers.Noting", "path": str(tmp_path / "names")},
    }
    write_trackers(options, trained.store, "main", told.append)
    assert [note.split(":")[0] for note in told] == ["bad", "good"]
    assert (tmp_path / "names").exists()


@pytest.mark.slow
def test_mlflow_servers_that_are_down_or_never_answer(trained, tmp_path):
    pytest.importorskip("mlflow")
    store = copy_of(trained.store, tmp_path / "store")
    command = [text for text in trained.overrides if not text.startswith("store=")]
    command += [f"store={store}", "tracker=mlflow", "tracker_options.mlflow.timeout_s=4"]
    down = f"http://127.0.0.1:{free_port()}"
    done = mtlrun("run", *command, f"tracker_options.mlflow.uri={down}")
    assert done.code == 0
    assert f"mlflow: not written: no answer from {down}: ConnectionError{LATER}" in done.err.splitlines()
    assert done.out == trained.result.out
    with silent_server() as address:
        begun = time.monotonic()
        done = mtlrun("run", *command, f"tracker_options.mlflow.uri={address}")
    assert done.code == 0
    noted = [line for line in done.err.splitlines() if line.startswith("mlflow:")]
    assert len(noted) == 1 and noted[0].startswith("mlflow: not written: no answer") and LATER in noted[0]
    assert time.monotonic() - begun < 90
    assert done.out == trained.result.out


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interruption_ends_the_process_of_the_tracker(trained, tmp_path):
    import signal

    path = tmp_path / "pid"
    node = {"_target_": "support.own_trackers.Hanging", "path": str(path)}
    code = f"""
import pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # heeded in the background of a shell too
sys.path[:] = {sys.path!r}
from mtlrun.trackers.process import write_trackers
write_trackers({{"mine": {node!r}}}, pathlib.Path({str(trained.store)!r}), "main", print)
"""
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while not (path.exists() and path.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) != 0
    assert not is_running(int(path.read_text()))


def test_python_writes_to_several_trackers_that_stand_in_one_list(tmp_path):
    import mtlrun as front

    options = {"timeout_s": 30.0, "_target_": "support.own_trackers.Noting"}
    settings = {f"tracker_options.{name}.{key}": value for name in "ab" for key, value in options.items()}
    settings |= {f"tracker_options.{name}.path": str(tmp_path / name) for name in "ab"}
    small = {"seeds": 2, "budget": {"steps": 20}, "model": {"width": 8}, "launch": {"processes": 1}}
    found = front.run(**small, store=str(tmp_path / "store"), tracker=["a", "b"], progress=False, **settings)
    assert len(found.rows) == 2
    assert len((tmp_path / "a").read_text().splitlines()) == 6
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text()
