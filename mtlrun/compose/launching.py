"""What our Hydra launcher does: a batch of jobs, composed and handed over at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig

from mtlrun.compose.merging import Composer
from mtlrun.config import current_override, twice_given
from mtlrun.errors import ConfigError


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


class BatchLauncher:
    """Composes the batches of one sweep and hands each to the task.

    Args:
        loader: Hydra's.
        task: has a `batch` attribute: a callable from jobs as plain data to one value per job.
        master: the config that Hydra composed for the sweep as a whole.
    """

    def __init__(self, loader: ConfigLoader, task: Any, master: DictConfig) -> None:
        if not hasattr(task, "batch"):
            raise TypeError("hydra/launcher=mtlrun_cohorts launches the jobs of `mtlrun` only")
        self._batch: Callable[[Sequence[dict[str, Any]]], list[float]] = task.batch
        self._composer = Composer(loader, master)

    def launch(self, job_overrides: Sequence[Sequence[str]], first: int) -> Sequence[JobReturn]:
        """Compose every job, do the batch, and return a value per job.

        Args:
            job_overrides: of each job.
            first: the number of the first job in the sweep.
        """
        if twice := list(dict.fromkeys(fault for job in job_overrides for fault in twice_given(job))):
            raise ConfigError(twice)
        texts = [[current_override(text) for text in overrides] for overrides in job_overrides]
        values = self._batch(self._composer.jobs(texts, first))
        return [
            ComposedLater(partial(self._composer.full, overrides, first + place), list(overrides), value)
            for place, (overrides, value) in enumerate(zip(texts, values, strict=True))
        ]


def make_sweep_folder(master: DictConfig) -> None:
    """Make the folder of the sweep, which other sweepers than ours, as Optuna's, leave to launchers."""
    Path(master.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
