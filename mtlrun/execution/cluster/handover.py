"""What passes between a launcher and its jobs on other machines: JSON text, and one small JSON file a task.

Layout, in the store, which all machines share::

    STORE/.jobs/<time>-<random>/     of one launcher; only its user may look inside
    STORE/.jobs/.../<number>.json    how the task of this number goes on, written by its job

A file is replaced whole, so that the launcher, which reads it again and again, never sees half of one::

    {"attempt": 1, "run_steps": 1200}                                training
    {"attempt": 2, "run_steps": 4000, "event": {"counts": ...}}      ended; begun a second time after a preemption

Nothing here is pickled, and the launcher unpickles nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mtlrun.errors import StoreError
from mtlrun.execution.workers.worker import Event

FOLDER = ".jobs"

REPORT_S = 1.0
"""A job writes its progress this often; a shared file system is slower than a pipe."""


@dataclass
class Progress:
    """How a task goes on.

    Attributes:
        attempt: how often it was begun.
        run_steps: done in this attempt.
        event: the last event, where it has ended.
        notes: what a user should know, in the order in which it was told.
    """

    attempt: int = 0
    run_steps: int = 0
    event: Event | None = None
    notes: list[str] = field(default_factory=list)


class Handover:
    """The folder of one launcher.

    Args:
        store: the folder of the store.
    """

    def __init__(self, store: Path) -> None:
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:8]}"
        self.folder = store.absolute() / FOLDER / name
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700)
        except OSError as error:
            raise StoreError(f"`{self.folder}` cannot be made: {error.strerror or error}") from error

    def text(self, number: int, task: Mapping[str, Any]) -> str:
        """Return all that a job needs to do a task: the task, where it imports from, and where it tells events.

        Args:
            number: of the task.
            task: plain data.
        """
        own = {"store": os.path.abspath(task["store"])} if task.get("store") else {}
        given = {"task": {**task, **own}, "file": str(self._file(number))}
        return json.dumps({**given, "path": [os.path.abspath(p) for p in sys.path], "cwd": os.getcwd()})

    def progress(self, number: int) -> Progress:
        """Return how a task goes on."""
        return read_progress(self._file(number))

    def remove(self) -> None:
        """Remove the folder; a job that still runs then ends."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # that of another launcher is in it
            self.folder.parent.rmdir()

    def _file(self, number: int) -> Path:
        return self.folder / f"{number}.json"


class Reporter:
    """The job's side: writes the file of a task.

    Attributes:
        progress: as it was written last.
        before: of an earlier attempt, which was cut off.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.before = read_progress(file)
        self.progress = Progress(self.before.attempt + 1, notes=self.before.notes)
        self._told = time.monotonic()
        self._write()

    def tell(self, event: Event) -> None:
        """Count run-steps that are done, and keep what is noted."""
        self.progress.run_steps += event.get("run_steps", 0)
        self.progress.notes += [event["note"]] if "note" in event else []
        if time.monotonic() - self._told > REPORT_S:
            self._write()

    def end(self, event: Event) -> None:
        """Tell the last event."""
        self.progress.event = event
        self._write()

    def _write(self) -> None:
        self._told = time.monotonic()
        beside = self._file.with_suffix(f".{os.getpid()}.tmp")
        try:
            with open(beside, "w", encoding="utf-8") as file:
                json.dump(asdict(self.progress), file)
            os.replace(beside, self._file)
        except FileNotFoundError:  # the launcher has gone: what is half trained is nobody's
            os._exit(1)
        except OSError as error:
            raise StoreError(f"`{self._file}` cannot be written: {error.strerror or error}") from error


def read_progress(file: Path) -> Progress:
    """Return what a task's file says; of a task that has not begun, attempt 0."""
    try:
        return Progress(**json.loads(file.read_text(encoding="utf-8")))
    except OSError:
        return Progress()
