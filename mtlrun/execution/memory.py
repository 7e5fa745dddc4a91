"""How much memory training may take."""

from __future__ import annotations

import torch

from mtlrun.machine import free_memory_mib

SAFE = 0.7
"""Part of what is free that training takes: other processes need some, and estimates err."""


def free_mib(device: str) -> float:
    """Return the memory that training may safely take in all, in MiB: on the GPU for `cuda`, else here."""
    if device == "cuda":
        return SAFE * torch.cuda.mem_get_info()[0] / 2**20
    return SAFE * free_memory_mib()
