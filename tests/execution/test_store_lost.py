"""A store that cannot be written while runs are trained: what is said, what is stored, and no traceback."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.commands import mtlrun, segments, tiny

from mtlrun.errors import StoreError
from mtlrun.store.segments import Segments

COHORTS = ("mitigation=none,pcgrad,dropout", "launch.width=2", "seeds=2")
"""Several cohorts, so that some are stored before the disk is full."""


def _failing_after(writes: int, act: Any) -> Any:
    """Return a replacement of `Segments.write` that acts before each write but the first ones."""
    write, done = Segments.write, []

    def changed(self: Segments, *arguments: Any, **named: Any) -> Path:
        done.append(1)
        if len(done) > writes:
            act(self)
        return write(self, *arguments, **named)

    return changed


def test_full_disk_is_told_with_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "runs"

    def full(*_: Any) -> None:
        def refuse(handle: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", refuse)

    monkeypatch.setattr(Segments, "write", _failing_after(2, full))
    result = mtlrun("run", *tiny(store, *COHORTS))
    assert result.code == 2 and "Traceback" not in result.err
    assert f"`{store}/" in result.err and "cannot be written: No space left on device" in result.err
    assert "what had finished is stored (" in result.err
    assert len(segments(store)) == 2 and not list(store.glob(".*.tmp"))


def test_removed_store_is_told_at_the_next_write_and_not_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "runs"
    write = Segments.write

    def removing(self: Segments, *arguments: Any, **named: Any) -> Path:
        path = write(self, *arguments, **named)
        shutil.rmtree(store)
        return path

    monkeypatch.setattr(Segments, "write", removing)
    result = mtlrun("run", *tiny(store, *COHORTS, "save=best"))
    assert result.code == 2 and "Traceback" not in result.err
    assert f"store `{store}` was removed while runs were trained" in result.err
    assert not store.exists()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="as the others, in worker processes")
def test_workers_tell_what_they_could_not_store(tmp_path: Path) -> None:
    store = tmp_path / "runs"

    def remove() -> None:
        while not segments(store):
            time.sleep(0.01)
        shutil.rmtree(store, ignore_errors=True)

    remover = threading.Thread(target=remove)
    remover.start()
    result = mtlrun("run", *tiny(store, *COHORTS, "budget.steps=300", "launch.processes=2"))
    remover.join()
    assert result.code in (1, 2) and "Traceback" not in result.err
    assert f"store `{store}` was removed while runs were trained" in result.err


def test_plan_and_report_take_a_store_that_may_only_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "runs"
    assert mtlrun("run", *tiny(store)).code == 0

    def refuse(path: Path, *_: Any) -> None:
        raise StoreError(f"`{path}` cannot be written: Read-only file system")

    for name in ("segments", "index", "studies", "weights"):
        monkeypatch.setattr(f"mtlrun.store.{name}.write_whole", refuse)
    monkeypatch.setattr("mtlrun.store.store._check_folder", refuse)
    plan = mtlrun("plan", *tiny(store))
    assert plan.code == 0, plan.err
    assert mtlrun("report", str(store)).code == 0
    assert mtlrun("run", *tiny(store)).code == 2
