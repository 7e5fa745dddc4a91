"""How much memory a machine or a GPU has free."""

from __future__ import annotations

import os
from pathlib import Path

import torch

SAFE = 0.7
"""Part of what is free that training takes: other processes need some, and estimates err."""

_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def free_mib(device: str) -> float:
    """Return the memory that training may safely take in all, in MiB: on the GPU for `cuda`, else here."""
    if device == "cuda":
        return SAFE * torch.cuda.mem_get_info()[0] / 2**20
    return SAFE * min(_machine_mib(), _container_mib())


def _machine_mib() -> float:
    if _MEMINFO.exists():
        fields = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        return float(fields["MemAvailable"].split()[0]) / 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 / 2**20  # half of all there is


def _container_mib() -> float:
    """Return what the control group of this process may still take; infinite where none limits it."""
    limit, used = _CGROUP / "memory.max", _CGROUP / "memory.current"
    if not limit.exists() or limit.read_text().strip() == "max":
        return float("inf")
    return (int(limit.read_text()) - int(used.read_text())) / 2**20
