"""Runs a command in a child process and tells what it cost: wall time, CPU time, peak memory.

A process starts with the peak of the one that spawned it (Linux carries it over `exec`), and a benchmark holds
torch. So this file also runs as a script: a small process in between, which imports next to nothing, spawns
the command and reads its cost from `wait4`. CPU time is that of the command and all children it waited for;
peak memory that of the largest of these processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
KIB_PER_MIB = 1024


class Cost(NamedTuple):
    """What a command cost, and what it printed."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    output: str


class CommandFailed(Exception):
    """A command of the benchmark ended with an error."""


def run_child(command: Sequence[str]) -> Cost:
    """Run a command in the checkout's root; return its cost.

    Raises:
        CommandFailed: It ended with another exit code than 0; the message holds what it wrote.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "cost.json")
        between = [sys.executable, str(Path(__file__).resolve()), str(told), *command]
        done = subprocess.run(between, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(f"{' '.join(command)}: code {done.returncode}\n{done.stderr or done.stdout}")
        return Cost(**json.loads(told.read_text(encoding="utf-8")), output=done.stdout)


def mtlrun(*arguments: str) -> list[str]:
    """Return the command line of `mtlrun`, as installed beside this Python."""
    return [str(Path(sys.executable).with_name("mtlrun")), *arguments]


def _spawn(told: str, command: Sequence[str]) -> int:
    begun = time.perf_counter()
    _, status, used = os.wait4(os.posix_spawn(command[0], list(command), os.environ), 0)
    cost = {
        "wall_s": time.perf_counter() - begun,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / KIB_PER_MIB,
    }
    Path(told).write_text(json.dumps(cost), encoding="utf-8")
    return os.waitstatus_to_exitcode(status) & 255


if __name__ == "__main__":
    sys.exit(_spawn(sys.argv[1], sys.argv[2:]))
