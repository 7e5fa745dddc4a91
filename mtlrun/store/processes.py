"""Processes: what tells where this one is, and whether another is still there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import uuid
from functools import cache
from pathlib import Path
from typing import Any


def identity() -> dict[str, Any]:
    """Return what tells where this process is."""
    pid = os.getpid()
    return {
        "host": socket.gethostname() or "unknown",
        "machine": machine(),
        "pid": pid,
        "process_started": _started(pid),
    }


@cache
def machine() -> str:
    """Return what is the same for processes that know each other by their numbers, and for no others.

    Two containers may have one host name, and a machine that was started anew has other processes.
    """
    parts = [socket.gethostname(), str(uuid.getnode())]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]


def is_running(pid: int, started: int | None = None) -> bool:
    """Return whether there is a process of this number here; where that cannot be asked, no.

    Args:
        pid: its number.
        started: when it began, as of `identity`: the number may have gone to another since. None where nobody knows.
    """
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        pass
    return started is None or _started(pid) in (None, started)


def _started(pid: int) -> int | None:
    """Return when a process began, in ticks since the machine was started.

    It is -1 of one that has ended and is still listed, and None where nobody tells.
    """
    try:
        content = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *others = content.rpartition(")")[2].split()
        return -1 if state in "ZX" else int(others[18])
    except (OSError, ValueError, IndexError):
        return None
