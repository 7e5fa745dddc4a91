"""Commands that train into a store: each tells of itself in a file of its own, and hears from another whether to end.

    STORE/.running/<host>-<pid>-<8 random digits>.json      written anew every few seconds while the command runs
    STORE/.running/<host>-<pid>-<8 random digits>.cancel    asks it to end

Clocks of machines are never compared: a command is there as long as a reader sees the number of its beats change.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mtlrun.errors import Fault, StoreError
from mtlrun.schema import (
    amount,
    fault,
    fields,
    flag,
    list_of,
    listed,
    maybe,
    name,
    one_of,
    parse,
    text,
    whole,
)
from mtlrun.store.files import regular_files, sweep
from mtlrun.store.locking import FOLDER
from mtlrun.store.processes import is_running, machine

BEAT_S = 2.0
EXPIRY_S = 120.0
"""A command whose beats stay the same for so long has ended, or hangs. Network file systems show changes late."""

STATES = ("training", "waiting")
COHORT_STATES = ("queued", "running", "finished", "failed")
RUN_STATES = (*COHORT_STATES, "diverged", "elsewhere")

_SCHEMA_VERSION = 1
_COUNT = whole(0)


def _version(value: Any, key: str) -> Iterator[Fault]:
    if value != _SCHEMA_VERSION or isinstance(value, bool):
        yield fault(key, f"must be {_SCHEMA_VERSION}", value)


LAUNCHER = fields(
    {
        "schema_version": _version,
        "study": name,
        "command": list_of(text),
        "host": name,
        "machine": name,
        "pid": whole(1),
        "process_started": maybe(_COUNT),
        "started_at": name,
        "elapsed_s": amount,
        "beats": _COUNT,
        "state": one_of(*STATES),
        "where": text,
        "claims": list_of(name),
        "cohorts": fields(dict.fromkeys(COHORT_STATES, _COUNT)),
        "runs": fields(dict.fromkeys(RUN_STATES, _COUNT)),
        "run_steps": fields({"done": _COUNT, "total": _COUNT}),
        "run_steps_per_s": maybe(amount),
        "left_s": maybe(amount),
        "cancelled": flag,
    }
)


class Launcher(NamedTuple):
    """What a command tells of itself.

    Attributes:
        key: tells it from others; the name of its file.
        facts: what stands in the file.
    """

    key: str
    facts: Mapping[str, Any]

    @property
    def is_here(self) -> bool:
        """Whether it was started where this process can ask for its process."""
        return bool(self.facts["machine"] == machine())

    @property
    def has_ended(self) -> bool:
        """Whether its process is known to be gone; of other machines nobody knows."""
        known = self.is_here and os.name == "posix"
        return known and not is_running(self.facts["pid"], self.facts["process_started"])


class Launchers:
    """The commands that train into a store.

    Args:
        store: its folder.
    """

    def __init__(self, store: Path) -> None:
        self.folder = store / FOLDER
        self._seen: dict[str, tuple[int, float]] = {}  # beats, and when this process saw them first

    def read(self) -> tuple[list[Launcher], list[str]]:
        """Return what commands tell, and for each file that cannot be used what is wrong with it."""
        found, faults = [], []
        for path in regular_files(self.folder, ".json"):
            try:
                facts = parse(path.read_bytes())
            except FileNotFoundError:  # it has ended just now
                continue
            except (OSError, ValueError) as error:
                faults.append(f"`{path}` cannot be read: {error}")
                continue
            wrong = list(LAUNCHER(facts, ""))
            if wrong:
                faults.append(f"`{path}` cannot be read:\n{listed(wrong)}")
            else:
                found.append(Launcher(path.stem, facts))
        return found, faults

    def running(self) -> list[Launcher]:
        """Return the commands that have not ended, as far as this object can know; it knows more when asked again."""
        return [one for one in self.read()[0] if not (one.has_ended or self._is_silent(one))]

    def sweep(self) -> None:
        """Remove the files of commands that have ended, and those that they left behind half written."""
        running = {one.key for one in self.running()}
        ended = [one.key for one in self.read()[0] if one.key not in running]
        for key in ended:
            self.remove(key)
        kept = {path.stem for path in regular_files(self.folder, ".json")}
        for path in regular_files(self.folder, ".cancel"):
            if path.stem not in kept:
                _unlink(path)
        sweep(self.folder)

    def write(self, key: str, facts: Mapping[str, Any]) -> None:
        """Write what a command tells of itself, whole or not at all; nothing where the store was removed.

        It is not synced to disk: after a power cut no command is there.

        Raises:
            StoreError: it cannot be written.
        """
        self._replace(f"{key}.json", json.dumps({"schema_version": _SCHEMA_VERSION, **facts}))

    def remove(self, key: str) -> None:
        """Remove the files of a command."""
        for ending in ("json", "cancel"):
            _unlink(self.folder / f"{key}.{ending}")

    def ask_to_end(self, key: str) -> None:
        """Ask a command to end.

        Raises:
            StoreError: that cannot be written.
        """
        self._replace(f"{key}.cancel", "")

    def is_asked_to_end(self, key: str) -> bool:
        """Return whether somebody has asked a command to end."""
        return (self.folder / f"{key}.cancel").exists()

    def _is_silent(self, launcher: Launcher) -> bool:
        """Return whether the beats of a command have stayed the same for too long."""
        beats, now = launcher.facts["beats"], time.monotonic()
        if self._seen.get(launcher.key, (-1,))[0] != beats:
            self._seen[launcher.key] = (beats, now)
        return now - self._seen[launcher.key][1] > EXPIRY_S

    def _replace(self, file_name: str, content: str) -> None:
        beside = self.folder / f".{file_name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp"
        try:
            try:
                beside.write_text(content, encoding="utf-8")
                os.replace(beside, self.folder / file_name)
            finally:
                beside.unlink(missing_ok=True)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            path = self.folder / file_name
            raise StoreError(f"`{path}` cannot be written: {error.strerror or error}") from error


def new_key() -> str:
    """Return a key for this command."""
    host = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())[:64]
    return f"{host}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
