"""Training as jobs of Slurm, which submitit hands to `sbatch`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mtlrun.errors import ConfigError, Fault
from mtlrun.execution.cluster.handover import Handover
from mtlrun.execution.cluster.launcher import MOST_JOBS, Cluster
from mtlrun.execution.cluster.pool import job_pool
from mtlrun.execution.launcher import Note
from mtlrun.execution.workers.worker_pool import Pool
from mtlrun.store.store import Store

COMMANDS = ("sbatch", "srun", "squeue", "scancel")

OURS = {
    "partition": "launch.partition",
    "account": "launch.account",
    "time": "launch.minutes",
    "mem": "launch.memory_mib",
    "cpus-per-task": "launch.cpus",
    "gpus-per-node": "launch.gpus",
    **dict.fromkeys(("array", "output", "error", "open-mode", "signal", "requeue", "no-requeue", "wrap"), ""),
}
"""Parameters of sbatch that are not for `launch.sbatch`, and the setting in place of each, if any."""


@dataclass
class Slurm(Cluster):
    """Trains each cohort as a job of Slurm; cohorts that are ready together are one job array.

    A job that was preempted, or whose node failed, is queued again by Slurm; one that reaches its time limit is
    queued again by submitit, up to `requeues` times. Results are those of `launch=local`. The store, this package and
    the working folder must be on a file system that all nodes share. Placement on GPUs is passed on to Slurm; it was
    not tried on a GPU.

    Args:
        jobs: most jobs at a time, waiting or running.
        partition: null for the cluster's default, as with all that is null.
        account: that is charged.
        minutes: time limit of a job.
        cpus: of a job. Training uses one thread; more are for code of your own.
        gpus: of a job. Training uses one.
        memory_mib: of a job; cohorts are cut to fit into it. null to ask for none.
        gpu_memory_mib: what training may take of a GPU.
        requeues: how often a job that reached its time limit is queued again.
        sbatch: further parameters by name, as {qos: high, constraint: a100}.
        setup: shell lines that a job runs first, as [module load cuda].
        width: most lanes of a cohort; null to time some steps where the study is long enough to pay for a job that
            does so, and for 64 elsewhere.
        compile: whether steps are compiled: `always`, `never`, or `auto` where that saves more time than it takes.
        deterministic: whether torch may use only kernels that give the same bits every time; slower on a GPU.
        data: `resident`, `streamed`, or `auto` by size, as of `launch=local`.
    """

    module = "submitit"
    extra = "slurm"
    unit: ClassVar[tuple[str, str]] = ("job of Slurm at a time", "jobs of Slurm at a time")

    jobs: int = 16
    partition: str | None = None
    account: str | None = None
    minutes: int = 60
    cpus: int = 1
    gpus: int = 0
    memory_mib: int | None = field(default=4096, kw_only=True)
    requeues: int = 3
    sbatch: dict[str, str | int | float | bool] = field(default_factory=dict)
    setup: list[str] = field(default_factory=list)

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        for name, least in (("jobs", 1), ("minutes", 1), ("cpus", 1), ("gpus", 0), ("requeues", 0)):
            if getattr(self, name) < least:
                yield Fault(name, f"must be at least {least}", getattr(self, name))
        if self.jobs > MOST_JOBS:
            yield Fault("jobs", f"must be at most {MOST_JOBS:,}", self.jobs)
        for name in ("partition", "account"):
            if not re.fullmatch(r"[\w.,@:-]+", getattr(self, name) or "null"):
                yield Fault(name, "must be a name", getattr(self, name))
        for name, value in self.sbatch.items():
            if name in OURS:
                instead = f"; set `{OURS[name]}`" if OURS[name] else ""
                yield Fault(f"sbatch.{name}", f"is chosen by mtlrun{instead}", value)
            elif not re.fullmatch(r"[a-z][a-z0-9-]*", name):
                yield Fault(
                    f"sbatch.{name}", "must be a parameter of sbatch without its dashes, as qos", value
                )
            elif isinstance(value, str) and not value.isprintable():
                yield Fault(f"sbatch.{name}", "must be one line of text", value)

    def has_gpus(self) -> bool:
        """Whether a job asks for a GPU."""
        return self.gpus > 0

    def process_count(self, estimate_s: float, device: str) -> int:
        """Return the most jobs at a time."""
        return self.jobs

    def check_ready(self) -> None:
        """Raise ConfigError where submitit or Slurm's commands are not here."""
        super().check_ready()
        lacking = [name for name in COMMANDS if shutil.which(name) is None]
        if lacking:
            rule = f"needs Slurm's {', '.join(lacking)}: start the command where jobs can be submitted"
            raise ConfigError([Fault("launch", rule, "slurm")])

    def open_pool(
        self, processes: int, store: Store, note: Note, grace_s: float = 0.0
    ) -> AbstractContextManager[Pool]:
        """Return a pool of jobs."""
        from mtlrun.execution.cluster.slurm_jobs import SlurmJobs

        handover = Handover(store.path)
        return job_pool(
            SlurmJobs(handover.folder, self.parameters(), self.requeues, note), handover, processes
        )

    def parameters(self) -> dict[str, Any]:
        """Return what submitit is asked for, by its own names."""
        found: dict[str, Any] = {
            "job_name": "mtlrun",
            "partition": self.partition,
            "account": self.account,
            "time": self.minutes,
            "cpus_per_task": self.cpus,
            "gpus_per_node": self.gpus or None,
            "mem": f"{self.memory_mib}M" if self.memory_mib else None,
            "array_parallelism": self.jobs,
            "srun_args": [f"--cpus-per-task={self.cpus}"],  # from Slurm 22.05 on not passed on by sbatch
            "setup": [*self.setup, f"export PYTHONPATH={shlex.quote(os.pathsep.join(_import_path()))}"],
            "additional_parameters": {"requeue": True, **self.sbatch},
        }
        return {name: value for name, value in found.items() if value is not None}


def _import_path() -> list[str]:
    """Return where this process imports from, absolute: a job imports the package before it can read its text."""
    return [os.path.abspath(folder) for folder in sys.path]
