"""Hydra plugins: a launcher that trains a whole batch of jobs as cohorts, and the sweeper that feeds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class CohortLauncher(Launcher):
    """Hands all jobs of a batch to the task function at once, so that their runs train side by side.

    The task function must have a `batch` attribute: a callable from job configs to one value per job.
    """

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what `launch` needs."""
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Compose every job, train the batch, and return a value per job."""
        configs = []
        for place, overrides in enumerate(job_overrides):
            config = self.context.config_loader.load_sweep_config(self.config, list(overrides))
            config.hydra.job.id = config.hydra.job.num = initial_job_idx + place
            configs.append(config)
        run_batch: Any = getattr(self.task, "batch", None)
        if run_batch is None:
            raise TypeError("hydra/launcher=mtlrun_cohorts launches the jobs of `mtlrun` only")
        values = run_batch(configs)
        return [
            JobReturn(overrides=list(o), cfg=c, hydra_cfg=c, _return_value=v, status=JobStatus.COMPLETED)
            for o, c, v in zip(job_overrides, configs, values, strict=True)
        ]


class GridSweeper(BasicSweeper):
    """Hydra's grid of overrides, for launchers that compose jobs themselves.

    It leaves out what costs a large grid minutes: composing every job once more just to see that it composes.
    Nor does it write a copy of the config; the store keeps every run's.
    """

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch the product of all overrides, in batches of `max_batch_size`, or in one."""
        assert self.hydra_context is not None and self.launcher is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        batches = self.split_arguments(
            parser.parse_overrides([*self._parse_config(), *arguments]), self.max_batch_size
        )
        returns: list[Sequence[JobReturn]] = []
        for batch in batches:
            returns.append(self.launcher.launch(batch, initial_job_idx=sum(map(len, returns))))
            for job in returns[-1]:
                _ = job.return_value  # raises what made the job fail
        return returns


_HERE = "hydra_plugins.mtlrun_cohorts.cohorts"
_LAUNCHER = {"_target_": f"{_HERE}.CohortLauncher"}
_SWEEPER: dict[str, Any] = {"_target_": f"{_HERE}.GridSweeper", "max_batch_size": None, "params": {}}
# Plain nodes: Hydra executes this file in a way that dataclasses with annotations as text do not survive.
ConfigStore.instance().store(group="hydra/launcher", name="mtlrun_cohorts", node=_LAUNCHER, provider="mtlrun")
ConfigStore.instance().store(group="hydra/sweeper", name="mtlrun_grid", node=_SWEEPER, provider="mtlrun")
