"""Hydra plugins: a launcher that trains a whole batch of jobs as cohorts, and the sweeper that feeds it.

Hydra loads this file in every program of the environment, so it is thin: the work is done in `mtlrun.compose`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class CohortLauncher(Launcher):
    """Hands all jobs of a batch to the task function at once, so that their runs train side by side.

    The task function must have a `batch` attribute: a callable from jobs as plain data to one value per job.
    """

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what `launch` needs."""
        self.context, self.task, self.config = hydra_context, task_function, config
        self.batches: Any = None

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Compose every job, train the batch, and return a value per job."""
        from mtlrun.compose.launching import BatchLauncher, make_sweep_folder

        if self.batches is None:
            self.batches = BatchLauncher(self.context.config_loader, self.task, self.config)
            if self.config.hydra.sweeper._target_ != _SWEEPER["_target_"]:
                make_sweep_folder(self.config)
        returns: Sequence[JobReturn] = self.batches.launch(job_overrides, initial_job_idx)
        return returns


class GridSweeper(Sweeper):
    """Hydra's grid of overrides, for launchers that compose jobs themselves.

    It leaves out what costs a large grid minutes: composing every job once more just to see that it composes.
    Nor does it write a copy of the config; the store keeps every run's.

    Args:
        max_batch_size: jobs that are launched at once; None for all.
        params: overrides with several values each, by key; what the command line gives beats them.
        cases: overrides that go together, each case a mapping of keys to single values: the grid is launched for
            every case. Keys that the command line gives are left out of cases.
    """

    def __init__(
        self,
        max_batch_size: int | None = None,
        params: dict[str, str] | None = None,
        cases: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.settings = {
            "max_batch_size": max_batch_size,
            "params": {} if params is None else params,
            "cases": cases,
        }

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what `sweep` needs."""
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch the product of all overrides for every case, in batches of `max_batch_size`, or in one."""
        from mtlrun.compose.grid import grid_batches

        assert self.hydra_context is not None and self.config is not None and self.launcher is not None
        loader, seeds = self.hydra_context.config_loader, self.config.get("seeds")
        returns: list[Sequence[JobReturn]] = []
        for batch in grid_batches(arguments, self.settings, seeds, loader):
            returns.append(self.launcher.launch(batch, initial_job_idx=sum(map(len, returns))))
            for job in returns[-1]:
                _ = job.return_value  # raises what made the job fail
        return returns


_HERE = "hydra_plugins.mtlrun_cohorts.cohorts"
_LAUNCHER = {"_target_": f"{_HERE}.CohortLauncher"}
_SWEEPER: dict[str, Any] = {
    "_target_": f"{_HERE}.GridSweeper",
    "max_batch_size": None,
    "params": {},
    "cases": None,
}
# Plain nodes: Hydra executes this file in a way that dataclasses with annotations as text do not survive.
ConfigStore.instance().store(group="hydra/launcher", name="mtlrun_cohorts", node=_LAUNCHER, provider="mtlrun")
ConfigStore.instance().store(group="hydra/sweeper", name="mtlrun_grid", node=_SWEEPER, provider="mtlrun")
