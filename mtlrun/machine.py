"""What the machine has to give."""

from __future__ import annotations

import os
from pathlib import Path

MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def free_memory_mib() -> float:
    """Return the memory that this process may still take, as far as the machine and its container say."""
    return min(_machine_mib(), _container_mib())


def _machine_mib() -> float:
    if MEMINFO.exists():
        fields = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
        return float(fields["MemAvailable"].split()[0]) / 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 / 2**20  # half of all there is


def _container_mib() -> float:
    """Return what the control group of this process may still take; infinite where none limits it."""
    limit = CGROUP / "memory.max"
    if not limit.exists() or limit.read_text().strip() == "max":
        return float("inf")
    used = int((CGROUP / "memory.current").read_text())
    about = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
    files = int(about.get("inactive_file", 0))  # pages of files that nobody needs: given back when asked for
    return (int(limit.read_text()) - used + files) / 2**20
