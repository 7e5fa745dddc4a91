"""Writes a stored study to its trackers, each from a process of its own: one that fails or hangs stops nothing."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mtlrun.config import build
from mtlrun.text.pluralize import pluralize
from mtlrun.trackers.base import Tracker

Event = Mapping[str, Any]

START = """
import sys
sys.path[:] = sys.argv[1:]
from mtlrun.trackers.writer import start
start()
"""
"""What the process runs: it imports from where this one does, and nothing of the user's script is run again."""

LONGEST = 300
"""Characters of an error that a note quotes."""

_LATER = "results are stored, and the same command writes them later"


def write_trackers(
    trackers: Mapping[str, Mapping[str, Any]], store: Path, study: str, note: Callable[[str], None]
) -> None:
    """Write a study to trackers; one note for each says what went wrong.

    Args:
        trackers: node by name.
        store: the folder of the store.
        study: its name.
        note: told what was written, or why not.
    """
    for name, node in trackers.items():
        tracker: Tracker = build(node)
        note(f"{name}: {_write(tracker, {'node': node, 'store': str(store.resolve()), 'study': study})}")


def _write(tracker: Tracker, request: Mapping[str, Any]) -> str:
    """Return what became of writing to one tracker, in a line."""
    process = _spawn()
    try:
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(json.dumps(request))
        last = _last_event(process, tracker.timeout_s, tracker.limit_s)
    except BrokenPipeError:  # it ended before it read anything
        last = {"error": f"its process ended with code {process.wait()}"}
    finally:
        _end(process)
    if "error" in last:
        return f"not written: {_shortened(last['error'])}; {_LATER}"
    new, known = pluralize(last["new"], "run"), f", {last['known']:,} known" if last["known"] else ""
    return f"wrote {new}{known}: {last['place']}"


def _last_event(process: subprocess.Popen[str], timeout_s: float, limit_s: float) -> Event:
    """Return how the process ended: `new`, `known` and `place`, or an `error`."""
    events: queue.Queue[Event | None] = queue.Queue()
    threading.Thread(target=_listen, args=(process, events), daemon=True).start()
    begun, patience = time.monotonic(), limit_s  # until the first answer it reads the store
    while True:
        left = begun + limit_s - time.monotonic()
        try:
            event = events.get(timeout=max(0.0, min(patience, left)))
        except queue.Empty:
            if left <= patience:
                return {"error": f"it took longer than limit_s={limit_s:g}"}
            return {"error": f"no answer for timeout_s={timeout_s:g}"}
        if event is None:
            return {"error": f"its process ended with code {process.wait()}"}
        if event:
            return event
        patience = timeout_s


def _listen(process: subprocess.Popen[str], events: queue.Queue[Event | None]) -> None:
    """Pass events on; None stands for the end."""
    assert process.stdout is not None
    with process.stdout as pipe:
        for line in pipe:
            events.put(json.loads(line))
    events.put(None)


def _spawn() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-I", "-c", START, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what libraries say there would stand between our own lines
        text=True,
        start_new_session=True,  # Ctrl-C in a terminal reaches this process alone, which ends that one
    )


def _end(process: subprocess.Popen[str]) -> None:
    """End the process, and those that it has started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):  # where all have ended
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _shortened(error: str) -> str:
    return error if len(error) <= LONGEST else f"{error[:LONGEST]} ..."
