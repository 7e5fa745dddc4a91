"""From overrides to jobs: what the rest of the program asks Hydra for.

`jobs_of` composes all jobs of a command; `multirun` hands them on in the batches of a sweeper, which may choose
the next batch by what the last one gave.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mtlrun.catalog import other_roots
from mtlrun.compose.hydra_internals import current_loader, hydra_with, start_multirun
from mtlrun.compose.override_faults import (
    JobFaults,
    digit_faults,
    has_list,
    no_job_faults,
    override_faults,
    parsed,
)
from mtlrun.compose.plain import COMPOSE_ERRORS, first_line, plain
from mtlrun.config import current_override, twice_given
from mtlrun.errors import ConfigError
from mtlrun.planning.limits import NO_JOB

Batch = Callable[[Sequence[dict[str, Any]]], list[float]]
"""Does a batch of jobs, each as plain data, and returns a value for each, which sweepers may maximise."""

OPEN = ("tune.", "model.encoder.", "suite.losses.", "suite.class_weights.", "tracker_options.")
"""Below these keys, names are those of settings to try, of arguments of a user's own class, of tasks, of trackers."""

HOME = re.compile(r"([=:,\[]\s*)~(?=/)")
"""The user's own folder at the beginning of a path, which a shell leaves as it is behind `suite.path=`."""

ALL_AT_ONCE = "hydra/launcher=mtlrun_cohorts"
"""The override that chooses our launcher, which hands over whole batches."""


def jobs_of(
    overrides: Sequence[str], config_dirs: Sequence[str] = (), job_faults: JobFaults = no_job_faults
) -> list[dict[str, Any]]:
    """Return every job that overrides ask for, the product of sweeps and cases, and launch nothing.

    A sweeper that chooses jobs by the values of earlier ones, as Optuna's, gets 0 for each.

    Args:
        overrides: as on the command line.
        config_dirs: folders of a user's own options.
        job_faults: finds the faults of a job, to be told with those of the overrides.

    Raises:
        ConfigError: the overrides cannot be composed (with every fault), or ask for no job.
    """
    jobs: list[dict[str, Any]] = []

    def keep(batch: Sequence[dict[str, Any]]) -> list[float]:
        jobs.extend(batch)
        return [0.0] * len(batch)

    multirun([*overrides, ALL_AT_ONCE], keep, config_dirs, job_faults)
    if not jobs:
        raise ConfigError([NO_JOB])
    return jobs


def multirun(
    overrides: Sequence[str],
    batch: Batch,
    config_dirs: Sequence[str] = (),
    job_faults: JobFaults = no_job_faults,
) -> None:
    """Compose every job that overrides ask for, and launch them through Hydra's sweeper and launcher.

    Args:
        overrides: as on the command line.
        batch: does the jobs of each batch.
        config_dirs: folders of a user's own options.
        job_faults: finds the faults of a job, to be told with those of the overrides.

    Raises:
        ConfigError: the overrides cannot be composed; with every fault.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us, not to the terminal
    if faults := [*twice_given(overrides), *digit_faults(overrides)]:
        raise ConfigError(faults)
    overrides = [*map(_for_hydra, overrides), f"invocation={uuid.uuid4().hex}"]
    with hydra_with(other_roots(config_dirs)):
        try:
            _refuse_lists(overrides, job_faults)
            _start(_Task(batch), overrides)
        except COMPOSE_ERRORS as error:
            faults = override_faults(overrides, job_faults)
            if not faults and not isinstance(error, HydraException | OmegaConfBaseException):
                raise  # a fault of the program, not of the overrides
            raise ConfigError(faults or [first_line(error)]) from error


def _start(task: _Task, overrides: Sequence[str]) -> None:
    """Launch the jobs, also where each of them composes and Hydra's config of the sweep as a whole does not.

    That config has the values but not the swept options: `weighting.gradients_at` is then looked for in the default
    weighting. Written as a choice of one, a value is left to the jobs.
    """
    try:
        start_multirun(task, overrides)
    except ConfigCompositionException:
        if override_faults(overrides, no_job_faults):
            raise
        start_multirun(task, [_as_choice(text) for text in overrides])


def _as_choice(text: str) -> str:
    """Return the override of a setting as a choice of its one value."""
    override = parsed(text)
    of_setting = "." in override.key_or_group and not override.key_or_group.startswith("hydra")
    if not of_setting or override.is_sweep_override() or override.is_delete() or text.endswith("="):
        return text
    key, _, value = text.partition("=")
    return f"{key}=choice({value})"


@dataclass
class _Task:
    """What Hydra launches: a batch of jobs, or one job where another launcher than ours is chosen."""

    batch: Batch

    def __call__(self, config: DictConfig) -> float:
        return self.batch([plain(config)])[0]


def _for_hydra(override: str) -> str:
    """Return an override as Hydra takes it: keys that no option declares are marked; it has no sign for home.

    A setting that was renamed has today's key.
    """
    override = current_override(override)
    override = HOME.sub(lambda found: found[1] + str(Path.home()), override)
    return f"++{override}" if override.startswith(OPEN) else override


def _refuse_lists(overrides: Sequence[str], job_faults: JobFaults) -> None:
    """Refuse a list of options: Hydra would put them into one node, where the last wins.

    Raises:
        ConfigError: every such override, with the other faults.
    """
    loader = current_loader()
    for override in OverridesParser.create(config_loader=loader).parse_overrides(list(overrides)):
        if has_list(override) and loader.get_group_options(override.key_or_group):
            raise ConfigError(override_faults(overrides, job_faults))
