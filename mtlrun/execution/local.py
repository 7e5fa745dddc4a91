"""Training on this machine: in this process, or in one worker process per core."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from mtlrun.errors import Fault
from mtlrun.execution.launcher import Launcher, Note
from mtlrun.execution.workers.worker_pool import Pool, here, workers
from mtlrun.machine import free_memory_mib
from mtlrun.store.store import Store

MOST_PROCESSES = 4096

SAFE = 0.7
"""Part of what is free that training takes: other processes need some, and estimates err."""

WORTH_WORKERS_S = 10.0
"""A study estimated shorter than this is trained in this process: a worker takes seconds to start."""


@dataclass
class Local(Launcher):
    """Trains cohorts one after another in each of a number of processes.

    Args:
        processes: null for one per core where the study is long enough to pay for starting them.
        width: most lanes of a cohort; null to time some steps where the study is long enough to pay for that,
            and for 64 elsewhere.
        memory_mib: what a process may take, on the GPU where it trains on one; null for a safe part of what is
            free.
        compile: whether steps are compiled: `always`, `never`, or `auto` where that saves more time than it takes.
        deterministic: whether torch may use only kernels that give the same bits every time; slower on a GPU.
        data: `resident` keeps inputs on the device; `streamed` leaves them in memory or in a mapped file, and brings
            them batch by batch; `auto` streams those that would take more than half of the memory. Results are equal.
    """

    processes: int | None = None

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if self.processes is not None and self.processes < 1:
            yield Fault("processes", "must be at least 1, or null", self.processes)
        if self.processes is not None and self.processes > MOST_PROCESSES:
            yield Fault("processes", f"must be at most {MOST_PROCESSES:,}", self.processes)

    def process_count(self, estimate_s: float, device: str) -> int:
        """Return the number of processes for a study of that estimated length; one GPU takes one process."""
        if self.processes is not None:
            return self.processes
        return cores() if estimate_s > WORTH_WORKERS_S and device == "cpu" else 1

    def memory(self, device: str) -> tuple[float, float]:
        """Return what one of all processes may take of what is free, and what is free."""
        free = free_mib(device)
        own = self.memory_mib or free / self.process_count(math.inf, device)
        return own, max(self.memory_mib or 0, free / SAFE)

    def fitting(self, processes: int, needed_mib: float, device: str) -> int:
        """Return no more processes than fit into memory, where their number was not asked for."""
        if self.processes is not None:
            return processes
        return max(1, min(processes, int(SAFE * self.memory(device)[1] / needed_mib)))

    def open_pool(
        self, processes: int, store: Store, note: Note, grace_s: float = 0.0
    ) -> AbstractContextManager[Pool]:
        """Return worker processes, or a pool in this process where one is enough."""
        return workers(processes, grace_s) if processes > 1 else here()


def free_mib(device: str) -> float:
    """Return the memory that training may safely take in all, in MiB: on the GPU for `cuda`, else here."""
    if device == "cuda":
        return SAFE * torch.cuda.mem_get_info()[0] / 2**20
    return SAFE * free_memory_mib()


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
