"""Hydra: from overrides to jobs. Hydra's own errors become ours, all of them at once."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mtlrun.catalog import conf_dir, groups
from mtlrun.config import current_override, twice_given
from mtlrun.errors import ConfigError, Fault
from mtlrun.launch.composing import COMPOSE_ERRORS, first_line, loader, parsed
from mtlrun.launch.override_faults import override_faults
from mtlrun.launch.repository import OptionRepository
from mtlrun.option_files import check_folders
from mtlrun.option_packages import option_folders

OPEN = ("tune.", "model.encoder.", "suite.losses.", "suite.class_weights.")
"""Below these keys, names are those of settings to try, of arguments of a user's own class, of tasks."""

HOME = re.compile(r"([=:,\[]\s*)~(?=/)")
"""The user's own folder at the beginning of a path, which a shell leaves as it is behind `suite.path=`."""


class Task(Protocol):
    """What Hydra launches: one job, or with our launcher a whole batch."""

    def __call__(self, config: DictConfig) -> float:
        """Do one job."""

    def batch(self, jobs: Sequence[dict[str, Any]]) -> list[float]:
        """Do a batch of jobs, as `plain` gives them, and return a value for each."""


def multirun(overrides: Sequence[str], task: Task, config_dirs: Sequence[str] = ()) -> None:
    """Compose every job that the overrides ask for, and launch them through Hydra's sweeper and launcher.

    Raises:
        ConfigError: the overrides cannot be composed; every fault is told.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us, not to the terminal
    if twice := twice_given(overrides):
        raise ConfigError(twice)
    overrides = [*map(_for_hydra, overrides), f"invocation={uuid.uuid4().hex}"]
    with initialize_config_dir(str(conf_dir().resolve()), job_name="mtlrun", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        _add_folders(loader(), config_dirs)
        try:
            _refuse_lists(overrides)
            hydra.multirun("config", task, overrides, with_log_configuration=False)
        except COMPOSE_ERRORS as error:
            faults = override_faults(overrides)
            if not faults and isinstance(error, ConfigCompositionException):
                _multirun_by_job(overrides, task)
                return
            if not faults and not isinstance(error, HydraException | OmegaConfBaseException):
                raise  # a fault of the program, not of the overrides
            raise ConfigError(faults or [first_line(error)]) from error


def _multirun_by_job(overrides: Sequence[str], task: Task) -> None:
    """Launch jobs of which each composes, although Hydra's config of the sweep as a whole does not.

    That config has the values but not the swept options: `weighting.gradients_at` is then looked for in the default
    weighting. Written as a choice of one, a value is left to the jobs.

    Raises:
        ConfigError: the overrides still cannot be composed.
    """
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    try:
        hydra.multirun("config", task, [_as_choice(text) for text in overrides], with_log_configuration=False)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([first_line(error)]) from error


def _as_choice(text: str) -> str:
    """Return the override of a setting as a choice of its one value."""
    override = parsed(text)
    of_setting = "." in override.key_or_group and not override.key_or_group.startswith("hydra")
    if not of_setting or override.is_sweep_override() or override.is_delete() or text.endswith("="):
        return text
    key, _, value = text.partition("=")
    return f"{key}=choice({value})"


def _for_hydra(override: str) -> str:
    """Return an override as Hydra takes it: keys that no option declares are marked; it has no sign for home.

    A setting that was renamed has today's key.
    """
    override = current_override(override)
    override = HOME.sub(lambda found: found[1] + str(Path.home()), override)
    return f"++{override}" if override.startswith(OPEN) else override


def _add_folders(found: ConfigLoaderImpl, config_dirs: Sequence[str]) -> None:
    """Add folders of config groups behind our own, then those of installed packages; also for globs."""
    faults = [Fault("--config-dir", "must be a folder", d) for d in config_dirs if not Path(d).is_dir()]
    if faults:
        raise ConfigError(faults)
    folders = [*map(Path, config_dirs), *option_folders()]
    check_folders(folders, groups())
    for folder in reversed(folders):
        path = f"file://{folder.resolve()}"
        found.get_search_path().append("options", path, SearchPathQuery("main", None))
    found.repository = OptionRepository(found.get_search_path())


def _refuse_lists(overrides: Sequence[str]) -> None:
    """Refuse a list of options: Hydra would put them into one node, where the last wins.

    Raises:
        ConfigError: every such override, with the other faults.
    """
    for override in OverridesParser.create(config_loader=loader()).parse_overrides(list(overrides)):
        if isinstance(override.value(), list) and loader().get_group_options(override.key_or_group):
            raise ConfigError(override_faults(overrides))
