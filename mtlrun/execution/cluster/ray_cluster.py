"""Training as tasks of Ray, on a cluster that runs already or on one that Ray starts on this machine."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from mtlrun.errors import Fault
from mtlrun.execution.cluster.handover import Handover
from mtlrun.execution.cluster.launcher import MOST_JOBS, Cluster
from mtlrun.execution.cluster.pool import job_pool
from mtlrun.execution.launcher import Note
from mtlrun.execution.workers.worker_pool import Pool
from mtlrun.store.store import Store


@dataclass
class Ray(Cluster):
    """Trains each cohort as a task of Ray, which queues tasks, places them, and repeats those whose node died.

    Results are those of `launch=local`. The store, this package and the working folder must be on a file system that
    all nodes share, and the nodes need the same versions of Python and Ray as this machine. Placement on GPUs is
    passed on to Ray; it was not tried on a GPU.

    Args:
        address: of a cluster that runs already: `auto` for that of this machine, HOST:PORT, or null for Ray's own
            choice, which is RAY_ADDRESS where that is set and else a new one on this machine.
        tasks: most tasks at a time, waiting or running.
        cpus: of a task. Training uses one thread.
        gpus: of a task; a part of one, as 0.5, where tasks share it.
        memory_mib: of a task, which Ray keeps free for it; null to ask for none.
        gpu_memory_mib: what training may take of a GPU, or of its part.
        max_retries: how often Ray repeats a task whose process or node died.
        width: most lanes of a cohort; null to time some steps where the study is long enough to pay for it, and for
            64 elsewhere.
        compile: whether steps are compiled: `always`, `never`, or `auto` where that saves more time than it takes.
        deterministic: whether torch may use only kernels that give the same bits every time; slower on a GPU.
        data: `resident`, `streamed`, or `auto` by size, as of `launch=local`.
    """

    module = "ray"
    extra = "ray"
    unit: ClassVar[tuple[str, str]] = ("task of Ray at a time", "tasks of Ray at a time")

    address: str | None = None
    tasks: int = 16
    cpus: float = 1.0
    gpus: float = 0.0
    max_retries: int = 3

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not 1 <= self.tasks <= MOST_JOBS:
            yield Fault("tasks", f"must be from 1 to {MOST_JOBS:,}", self.tasks)
        if self.cpus <= 0:
            yield Fault("cpus", "must be positive", self.cpus)
        if self.gpus < 0 or (self.gpus > 1 and self.gpus != int(self.gpus)):
            yield Fault("gpus", "must be at least 0, and whole above 1", self.gpus)
        if self.max_retries < 0:
            yield Fault("max_retries", "must be at least 0", self.max_retries)
        if self.address is not None and not self.address.strip():
            yield Fault("address", "must be auto, HOST:PORT or null", self.address)

    def has_gpus(self) -> bool:
        """Whether a task asks for a GPU."""
        return self.gpus > 0

    def process_count(self, estimate_s: float, device: str) -> int:
        """Return the most tasks at a time."""
        return self.tasks

    @contextlib.contextmanager
    def open_pool(self, processes: int, store: Store, note: Note, grace_s: float = 0.0) -> Iterator[Pool]:
        """Return a pool of tasks. What Ray prints meanwhile, as of nodes that died, goes to standard error."""
        from mtlrun.execution.cluster.ray_tasks import RayTasks

        with contextlib.redirect_stdout(sys.stderr):
            tasks = RayTasks(
                self.address, self.options(), note
            )  # before the folder, which would stay without it
            with job_pool(tasks, Handover(store.path), processes) as pool:
                yield pool

    def options(self) -> dict[str, Any]:
        """Return what Ray is asked for, by its own names."""
        asked = {"num_cpus": self.cpus, "num_gpus": self.gpus, "max_retries": self.max_retries}
        return asked | ({"memory": self.memory_mib * 2**20} if self.memory_mib else {})
