"""Hydra plugins: a launcher that trains a whole batch of jobs as cohorts, and the sweeper that feeds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class ComposedLater(JobReturn):
    """What a job gave. Its config is composed when somebody reads it, which hardly any sweeper does."""

    def __init__(self, compose: Callable[[], DictConfig], overrides: Sequence[str], value: Any) -> None:
        super().__init__(overrides=overrides, _return_value=value, status=JobStatus.COMPLETED)
        del self.__dict__["cfg"], self.__dict__["hydra_cfg"]
        self._compose = compose

    @cached_property
    def cfg(self) -> DictConfig:  # type: ignore[override]
        return self._compose()

    @cached_property
    def hydra_cfg(self) -> DictConfig:  # type: ignore[override]
        return self.cfg


class CohortLauncher(Launcher):
    """Hands all jobs of a batch to the task function at once, so that their runs train side by side.

    The task function must have a `batch` attribute: a callable from jobs as plain data to one value per job.
    """

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what `launch` needs."""
        self.context, self.task, self.config = hydra_context, task_function, config
        self.composer: Any = None

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Compose every job, train the batch, and return a value per job."""
        run_batch: Any = getattr(self.task, "batch", None)
        if run_batch is None:
            raise TypeError("hydra/launcher=mtlrun_cohorts launches the jobs of `mtlrun` only")
        from mtlrun.config import current_override, twice_given  # Hydra loads this file in other programs too
        from mtlrun.errors import ConfigError

        if twice := list(dict.fromkeys(fault for job in job_overrides for fault in twice_given(job))):
            raise ConfigError(twice)
        job_overrides = [[current_override(text) for text in overrides] for overrides in job_overrides]
        if self.composer is None:
            from mtlrun.launch.factored import Composer

            self.composer = Composer(self.context.config_loader, self.config)
            if self.config.hydra.sweeper._target_ != _SWEEPER["_target_"]:
                # Other sweepers, as Optuna's, end by writing there, and leave it to launchers to make the folder.
                Path(self.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
        values = run_batch(self.composer.jobs(job_overrides, initial_job_idx))
        return [
            ComposedLater(
                partial(self.composer.full, overrides, initial_job_idx + place), list(overrides), value
            )
            for place, (overrides, value) in enumerate(zip(job_overrides, values, strict=True))
        ]


class GridSweeper(BasicSweeper):
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
        max_batch_size: int | None,
        params: dict[str, str] | None = None,
        cases: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(max_batch_size, params)
        self.cases = cases

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch the product of all overrides for every case, in batches of `max_batch_size`, or in one."""
        assert self.hydra_context is not None and self.launcher is not None
        from mtlrun.launch.bounds import check_jobs  # Hydra loads this file in programs that are not ours

        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        _check_settings(self.params, self.max_batch_size)
        overrides, cases = (
            parser.parse_overrides([*self._parse_config(), *arguments]),
            _plain_cases(self.cases),
        )
        check_jobs(overrides, len(cases), self._seeds(overrides))
        (grid,) = self.split_arguments(overrides, None)
        given = {override.key_or_group for override in parser.parse_overrides(arguments)}
        together = [
            [f"{key}={_text(value)}" for key, value in case.items() if key not in given] for case in cases
        ]
        jobs = list(dict.fromkeys((*job, *case) for job in grid for case in together))
        size = self.max_batch_size or max(len(jobs), 1)
        returns: list[Sequence[JobReturn]] = []
        # Without jobs there still is one batch: it is told that the overrides ask for nothing.
        for batch in (jobs[first : first + size] for first in range(0, max(len(jobs), 1), size)):
            returns.append(self.launcher.launch(batch, initial_job_idx=sum(map(len, returns))))
            for job in returns[-1]:
                _ = job.return_value  # raises what made the job fail
        return returns

    def _seeds(self, overrides: Sequence[Override]) -> int:
        """Return how many seeds each job has, as far as that is known here: at least 1."""
        seeds: Any = self.config.get("seeds") if self.config is not None else None
        for override in overrides:
            if override.key_or_group == "seeds" and not override.is_sweep_override():
                seeds = override.value()
        if isinstance(seeds, list):
            return max(len(seeds), 1)
        return max(seeds, 1) if isinstance(seeds, int) else 1


def _check_settings(params: Any, max_batch_size: Any) -> None:
    """Raise unless the sweeper's settings are what they must be.

    Raises:
        HydraException: they are not.
    """
    if not isinstance(params, Mapping):
        raise HydraException(f"`hydra.sweeper.params` must be a mapping of keys to values, found {params!r}")
    for key, value in params.items():
        if isinstance(value, Mapping):
            rule = f"must have one text with dots as the key of each value, found {key!r} with others inside"
            raise HydraException(f"`hydra.sweeper.params` {rule}")
    whole = isinstance(max_batch_size, int) and not isinstance(max_batch_size, bool)
    if max_batch_size is not None and not (whole and max_batch_size > 0):
        raise HydraException(
            f"`hydra.sweeper.max_batch_size` must be null or a number of jobs, found {max_batch_size!r}"
        )


def _plain_cases(cases: Any) -> list[dict[str, Any]]:
    """Return cases as plain data.

    Raises:
        HydraException: they are no list of mappings.
    """
    plain = OmegaConf.to_container(cases) if OmegaConf.is_config(cases) else cases
    if plain is None or plain == []:
        return [{}]
    if not isinstance(plain, list) or not all(isinstance(case, dict) for case in plain):
        raise HydraException(f"`hydra.sweeper.cases` must be a list of mappings, found {plain!r}")
    return plain


def _text(value: Any) -> str:
    """Return a value as overrides have it."""
    return value if isinstance(value, str) else json.dumps(value)


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
