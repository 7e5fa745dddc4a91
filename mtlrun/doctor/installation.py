"""Versions, devices and threads of this process."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from typing import Any

from mtlrun.machine import free_memory_mib
from mtlrun.version import __version__

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_NO_EXTRA = ("test", "docs", "dev")
_EXTRA = re.compile(r"extra\s*==\s*[\"']([^\"']+)[\"']")


def packages() -> tuple[dict[str, str], dict[str, str | None]]:
    """Return the version of each package that is needed, and of each that some extra brings; None where it lacks.

    What is needed is read of the installed distribution; there is none where the source runs as it lies.
    """
    needed: dict[str, str] = {}
    optional: dict[str, str | None] = {}
    for requirement in _requirements():
        match = _NAME.match(requirement)
        extra = _EXTRA.search(requirement)
        if match is None or match[0] == "mtlrun" or (extra and extra[1] in _NO_EXTRA):
            continue
        version = _version(match[0])
        if extra:
            optional[match[0]] = version
        else:
            needed[match[0]] = version or "not installed"
    return needed, optional


def process_facts() -> dict[str, Any]:
    """Return versions of mtlrun, Python and the system, and what this process may use; imports torch."""
    import torch
    from threadpoolctl import threadpool_info

    blas = [
        {name: one.get(name) for name in ("internal_api", "version", "num_threads")}
        for one in threadpool_info()
    ]
    return {
        "mtlrun": __version__,
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "cores": cores(),
        "torch_threads": torch.get_num_threads(),
        "devices": _devices(),
        "thread_pools": blas,
        "free_memory_mib": round(free_memory_mib()),
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "PYTORCH_CUDA_ALLOC_CONF")


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _devices() -> list[str]:
    import torch

    found = [f"cpu {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"]
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(number)
            found.append(f"cuda:{number} {about.name}, {about.total_memory / 2**20:,.0f} MiB")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def _requirements() -> list[str]:
    try:
        return metadata.requires("mtlrun") or []
    except metadata.PackageNotFoundError:
        return ["torch", "numpy", "scipy", "pandas", "pyarrow", "hydra-core", "omegaconf"]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
