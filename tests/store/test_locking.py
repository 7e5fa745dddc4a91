"""The lock of a store: one holder at a time, nothing left of a dead one, and no store that comes back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mtlrun.errors import StoreError
from mtlrun.store import locking
from mtlrun.store.locking import locked

HOLD = """
import sys, time
from pathlib import Path
from mtlrun.store.locking import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_threads_take_turns(tmp_path: Path) -> None:
    inside: list[int] = []
    most = []

    def enter() -> None:
        for _ in range(5):
            with locked(tmp_path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.002)
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20


def test_a_process_that_hangs_is_told_and_one_that_is_killed_gives_the_lock_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "WAIT_S", 0.1)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match="has been locked for"), locked(tmp_path):
            pass
        holder.kill()
        holder.wait()
        monkeypatch.setattr(locking, "WAIT_S", 60.0)
        with locked(tmp_path):
            pass


def test_a_store_that_was_removed_is_not_made_anew(tmp_path: Path) -> None:
    with locked(tmp_path / "gone"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_without_locks_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(locking.FileLock, "acquire", refuse)
    with locked(tmp_path):
        pass
