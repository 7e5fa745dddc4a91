"""Tasks of Ray: submitted by name and text, watched, and cancelled at the end."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from mtlrun.errors import ConfigError, Fault
from mtlrun.execution.cluster.job import perform_text
from mtlrun.execution.launcher import Note

KNOCK_S = 10.0

GRACE_S = 10.0
"""For a task that is cancelled to write a checkpoint."""


class RayTasks:
    """The tasks of one launcher, as an `Engine`.

    Args:
        address: as of `ray.init`.
        options: what a task asks for, as of `ray.remote`.
        note: told where the cluster is.

    Raises:
        ConfigError: there is no cluster at the address.
    """

    def __init__(self, address: str | None, options: Mapping[str, Any], note: Note) -> None:
        self._own = not ray.is_initialized()
        if self._own:
            _connect(address)
        there = ray.cluster_resources()
        note(f"Ray: {there.get('CPU', 0):,.0f} CPUs, {there.get('GPU', 0):,.0f} GPUs")
        self._perform = ray.remote(**options)(perform)
        self._waiting: dict[ray.ObjectRef, int] = {}  # number by task
        self._files: dict[int, Path] = {}
        self._gone: dict[int, str] = {}

    def submit(self, texts: Mapping[int, str]) -> None:
        """Queue tasks."""
        for number, text in texts.items():
            self._waiting[self._perform.remote(text)] = number
            self._files[number] = _file(text)

    def gone(self) -> Mapping[int, str]:
        """Return of each task that has ended what became of it."""
        ready, _ = (
            ray.wait([*self._waiting], num_returns=len(self._waiting), timeout=0)
            if self._waiting
            else ([], [])
        )
        for task in ready:
            number = self._waiting.pop(task)
            try:
                ray.get(task)
                self._gone[number] = "a task of Ray ended, and its file does not say so"
            except RayError as error:
                self._gone[number] = f"a task of Ray ended ({_line(error)})"
        return self._gone

    def wait(self, seconds: float) -> None:
        """Wait until a task ends, at most so long."""
        if self._waiting:
            ray.wait([*self._waiting], num_returns=1, timeout=seconds)

    def end(self, running: Collection[int]) -> None:
        """Cancel tasks, which get some seconds to write a checkpoint, and leave the cluster."""
        left = [task for task, number in self._waiting.items() if number in running]
        try:
            _cancel(reversed(left), force=False)  # as Ctrl-C would; those that wait first, lest they begin
            begun = [file for file in (self._files[self._waiting[task]] for task in left) if file.exists()]
            end = time.monotonic() + GRACE_S
            while begun and time.monotonic() < end:
                time.sleep(0.1)
                begun = [file for file in begun if not _ended(file).exists()]
            _cancel(left, force=True)
        finally:
            if self._own:
                ray.shutdown()


def perform(text: str) -> str:
    """Do a task as `perform_text` says, and leave a file when it has ended.

    Ray takes a task that is cancelled for ended at once. It tells the task by the handler of SIGINT, which must be
    there also where the command ignores the signal, as in the background of a script. It blocks the signal itself,
    with which training ends when its checkpoint is written.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        return perform_text(text)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, before)
        with contextlib.suppress(OSError):
            _ended(_file(text)).touch()


def _file(text: str) -> Path:
    return Path(json.loads(text)["file"])


def _ended(file: Path) -> Path:
    return file.with_suffix(".ended")


def _cancel(tasks: Iterable[ray.ObjectRef], force: bool) -> None:
    for task in tasks:
        with contextlib.suppress(RayError):
            ray.cancel(task, force=force)


def _connect(address: str | None) -> None:
    """Connect to a cluster, or start one here; its workers import from where this process does."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that starts here reports to nobody
    paths = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)
    before = signal.getsignal(signal.SIGTERM)
    came = False
    try:
        _knock(address or os.environ.get("RAY_ADDRESS", ""))
        ray.init(
            address=address,
            include_dashboard=False if address is None and "RAY_ADDRESS" not in os.environ else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": {"PYTHONPATH": paths}},
        )
    except (OSError, ValueError, RuntimeError, RayError) as error:
        rule = f"must be the address of a cluster of Ray that runs ({_line(error)})"
        raise ConfigError([Fault("launch.address", rule, address)]) from error
    except SystemExit:  # of the handler that Ray puts in the place of ours
        came = True
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
    if came:
        signal.raise_signal(signal.SIGTERM)


def _knock(address: str) -> None:
    """Raise OSError where nobody answers at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
