"""What the machine has to give."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

MEMINFO, CGROUP, OWN = Path("/proc/meminfo"), Path("/sys/fs/cgroup"), Path("/proc/self")

UNLIMITED = 2**60
"""Bytes from which on a control group of the first version has no limit: it says a number near 2^63."""


def free_memory_mib() -> float:
    """Return the memory that this process may still take, as far as the machine, its container and `ulimit` say."""
    groups = (_group_mib(folder) for folder in _groups())
    return max(0.0, min(_machine_mib(), _address_space_mib(), *groups))


def _machine_mib() -> float:
    if MEMINFO.exists():
        fields = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
        return float(fields["MemAvailable"].split()[0]) / 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 / 2**20  # half of all there is


def _address_space_mib() -> float:
    """Return what `ulimit -v` leaves of this process's address space; infinite where nothing limits it."""
    pages = OWN / "statm"
    if os.name != "posix" or not pages.exists():
        return math.inf
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return math.inf
    return (limit - int(pages.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")) / 2**20


def _groups() -> Iterator[Path]:
    """Yield the folders of the control groups that may limit this process: its own, and all above it.

    A line of /proc/self/cgroup is `0::/path` for the second version, and `4:memory:/path` for the first. Within a
    container the path may be the host's: then only the folder at the top is there.
    """
    lines = (OWN / "cgroup").read_text().splitlines() if (OWN / "cgroup").exists() else []
    yield CGROUP
    for line in lines:
        number, controllers, path = line.split(":", 2)
        top = CGROUP if number == "0" else CGROUP / "memory"
        if number == "0" or "memory" in controllers.split(","):
            parts = [part for part in path.split("/") if part not in ("", "..")]
            yield from (top.joinpath(*parts[:count]) for count in range(len(parts), -1, -1))


def _group_mib(folder: Path) -> float:
    """Return what a control group may still take; infinite where it limits nothing, or is not to be read."""
    for limit_name, used_name, files_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            limit = (folder / limit_name).read_text().strip()
            if limit == "max" or int(limit) >= UNLIMITED:
                return math.inf
            used = int((folder / used_name).read_text())
            about = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except OSError:
            continue
        files = int(about.get(files_name, 0))  # pages of files that nobody needs: given back when asked for
        return (int(limit) - used + files) / 2**20
    return math.inf
