"""Commands that train into one store at the same time: each run once, the same table for all, and none is waited for
that has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.commands import mtlrun
from support.sharing import all_runs, claim, ended, start, stored, study, wait_for_segment

import mtlrun as package
from mtlrun.store import launchers
from mtlrun.store.launchers import Launchers
from mtlrun.store.processes import identity
from mtlrun.store.store import Store


@pytest.mark.slow
def test_two_commands_at_once_train_each_run_once_and_print_the_same_table(tmp_path: Path) -> None:
    store = tmp_path / "store"
    processes = [start("sweep", *study(store)) for _ in range(2)]
    one, two = (ended(process) for process in processes)
    assert (one.code, two.code) == (0, 0), (one.err, two.err)
    assert one.out == two.out and "pcgrad" in one.out
    ids = stored(store)
    assert len(ids) == len(set(ids)) == 24
    assert not list((store / launchers.FOLDER).glob("*.json"))


@pytest.mark.slow
def test_commands_with_common_runs_share_them(tmp_path: Path) -> None:
    store = tmp_path / "store"
    processes = [
        start("sweep", *study(store, "study=small", "mitigation=none")),
        start("sweep", *study(store, "study=large", "mitigation=none,dwa")),
    ]
    one, two = (ended(process) for process in processes)
    assert (one.code, two.code) == (0, 0), (one.err, two.err)
    ids = stored(store)
    assert len(ids) == len(set(ids)) == 24
    assert "dwa" in two.out and "dwa" not in one.out


def test_a_command_that_is_killed_is_taken_over_and_leaves_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = start("sweep", *study(store, steps=300))
    wait_for_segment(store, first)
    second = start("sweep", *study(store, steps=300))
    first.kill()
    assert ended(first).code == -signal.SIGKILL
    result = ended(second)
    assert result.code == 0, result.err
    assert set(stored(store)) == set(Store(store).statuses()) and len(set(stored(store))) == 24
    assert os.listdir(store / launchers.FOLDER) == ["lock"]


def test_what_a_dead_command_claimed_is_trained_at_once_and_its_file_is_swept(tmp_path: Path) -> None:
    store = tmp_path / "store"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    claim(store, all_runs(store), pid=dead.pid)
    (store / launchers.FOLDER / "gone.cancel").touch()
    result = mtlrun("sweep", *study(store, steps=4))
    assert result.code == 0 and "waiting" not in result.err
    assert os.listdir(store / launchers.FOLDER) == ["lock"]


def test_a_process_number_that_went_to_another_process_claims_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    claim(store, all_runs(store), process_started=1)
    if identity()["process_started"] is None:
        pytest.skip("this system does not tell when a process began")
    assert "waiting" not in mtlrun("sweep", *study(store, steps=4)).err


@pytest.mark.slow
def test_silent_claims_of_another_machine_expire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    mtlrun("sweep", *study(store, "mitigation=none"))  # so that some runs are stored
    monkeypatch.setattr(launchers, "EXPIRY_S", 1.0)
    runs = [r for r in all_runs(store) if r not in Store(store).statuses()]
    claim(store, runs, machine="elsewhere", host="node7")
    result = mtlrun("sweep", *study(store))
    assert result.code == 0, result.err
    assert f"waiting for {len(runs)} runs that another command trains" in result.err
    assert sorted(stored(store)) == all_runs(store)


@pytest.mark.slow
def test_claims_are_waited_for_while_they_are_renewed_and_what_was_stored_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = tmp_path / "store", tmp_path / "other"
    assert mtlrun("sweep", *study(other)).code == 0
    monkeypatch.setattr(launchers, "EXPIRY_S", 1.0)
    ids = all_runs(store)
    key = claim(store, ids, machine="elsewhere")

    def train_elsewhere() -> None:
        begun, beats = time.monotonic(), 1
        while time.monotonic() - begun < 4.0:  # far longer than a claim lasts
            beats += 1
            path = Launchers(store).folder / f"{key}.json"
            facts = {**claimed, "beats": beats}
            Launchers(store).write(path.stem, facts)
            time.sleep(0.1)
        for path in other.glob("*.parquet"):
            (store / path.name).write_bytes(path.read_bytes())
        Launchers(store).remove(key)

    (launcher,), _ = Launchers(store).read()
    claimed = dict(launcher.facts)
    thread = threading.Thread(target=train_elsewhere)
    thread.start()
    result = mtlrun("sweep", *study(store))
    thread.join()
    assert result.code == 0, result.err
    assert f"waiting for {len(ids)} runs" in result.err and "0 run-steps in" in result.err
    assert sorted(stored(store)) == ids


@pytest.mark.slow
def test_python_shares_too(tmp_path: Path) -> None:
    store = tmp_path / "store"
    process = start("sweep", *study(store))
    results = package.run(*study(store), progress=False)
    other = ended(process)
    assert other.code == 0, other.err
    assert results.counts == {"finished": 24, "diverged": 0, "failed": 0, "missing": 0}
    assert results.rows.equals(package.load(store).rows)
    ids = stored(store)
    assert len(ids) == len(set(ids)) == 24
