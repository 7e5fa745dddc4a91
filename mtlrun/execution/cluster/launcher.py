"""What launchers for clusters share: what a job asks for, and that nothing of this machine counts."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from mtlrun.errors import ConfigError, Fault
from mtlrun.execution.launcher import Launcher

ASSUMED_MIB = 4096.0
"""Memory that a job is taken to have where none is asked for."""

MOST_JOBS = 1000
"""Most jobs of one submission: the size to which Slurm limits a job array by default."""


@dataclass
class Cluster(Launcher):
    """Trains each cohort as a job of a cluster, which need not be reached to plan.

    Attributes:
        module: that must be installed to train.
        extra: the extra of mtlrun that installs it.
        gpu_memory_mib: what training may take of a GPU, where a job has one.
    """

    module: ClassVar[str]
    extra: ClassVar[str]

    worth_timing_s = 600.0  # a job waits its turn and starts before it times anything

    gpu_memory_mib: int = field(default=8192, kw_only=True)

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if self.gpu_memory_mib < 1:
            yield Fault("gpu_memory_mib", "must be at least 1", self.gpu_memory_mib)

    @abstractmethod
    def has_gpus(self) -> bool:
        """Whether a job asks for a GPU."""

    def memory(self, device: str) -> tuple[float, float]:
        """Return the memory of a job as both numbers: jobs do not share it."""
        own = float(self.gpu_memory_mib) if device == "cuda" else float(self.memory_mib or ASSUMED_MIB)
        return own, own

    def device_type(self, name: str) -> str:
        """Return the kind of device that a job has, whatever this machine has.

        Raises:
            ConfigError: `cuda` was asked for, and jobs ask for no GPU.
        """
        if name == "cuda" and not self.has_gpus():
            raise ConfigError([Fault("launch.gpus", "must be at least 1 for device=cuda", 0)])
        return "cuda" if self.has_gpus() and name != "cpu" else "cpu"

    def task_device(self, name: str) -> str:
        """Return the kind of device, so that a job without the GPU that it asked for does not train on its CPU."""
        return self.device_type(name)

    def check_ready(self) -> None:
        """Raise ConfigError where the module that queues jobs is not installed."""
        if importlib.util.find_spec(self.module) is None:
            rule = f"needs the package {self.module}: pip install 'mtlrun[{self.extra}]'"
            raise ConfigError([Fault("launch", rule)])
