"""Every private part of Hydra and OmegaConf that mtlrun uses; no other file uses one, which a test holds.

- `hydra._internal.config_repository.ConfigRepository`: base class of `OptionRepository`, which reads each file once,
  checks it, and gives renamed settings their present names. Its `_find_object_source` finds the file of an option.
- `hydra._internal.config_loader_impl.ConfigLoaderImpl.repository`: `OptionRepository` is put there, to load options.
- `GlobalHydra.hydra`, a `hydra._internal.hydra.Hydra`: its `multirun` starts a sweeper as Hydra's command line does.
- `DictConfig._get_node`: reads a key without resolving interpolations.

Tried with hydra-core 1.3.2 (omegaconf 2.3.1), 1.3.8 (2.3.1) and 1.4.0rc3 (2.4.1rc1).
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult
from hydra.types import TaskFunction
from omegaconf import DictConfig, open_dict

from mtlrun.catalog import conf_dir
from mtlrun.config import RENAMED, both_names
from mtlrun.errors import ConfigError, Fault
from mtlrun.options.files import YAML_ERRORS, read_options, yaml_fault

_VERSION_BASE: dict[str, Any] = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}
"""The `version_base` argument: Hydra 1.3 warns without it, 1.4 warns with it."""


_OURS: dict[tuple[str, int], ConfigResult | None] = {}
"""Our own files as they were read, by name and time of the last change: a program may start many studies."""


_ONE_AT_A_TIME = threading.RLock()
"""Hydra is one for the process: threads wait for each other."""


class OptionRepository(ConfigRepository):
    """Hydra's folders of configs, each file of which is read once: all jobs of a sweep see the same."""

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        self._read: dict[str, ConfigResult | None] = {}
        super().__init__(config_search_path)

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Return a file's content as Hydra has it.

        Raises:
            ConfigError: a user's own file has a fault that Hydra would not tell.
        """
        if config_path not in self._read:
            self._read[config_path] = self._load(config_path)
        return copy.deepcopy(self._read[config_path])  # Hydra merges into what it loads

    def group_exists(self, config_path: str) -> bool:
        """Whether a folder is a group: it holds options, or groups. A folder `store` of results is none."""
        if not super().group_exists(config_path):
            return False
        inside = self.get_group_options(config_path, ObjectType.GROUP)
        return bool(self.get_group_options(config_path)) or any(
            self.group_exists(f"{config_path}/{name}") for name in inside
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> OptionRepository:
        return self  # Hydra copies the whole for each job

    def _load(self, config_path: str) -> ConfigResult | None:
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None or source.scheme() != "file":
            return self._parsed(config_path)
        file = Path(source.path, config_path if config_path.endswith(".yaml") else f"{config_path}.yaml")
        if Path(source.path) != conf_dir().resolve():
            read_options(file)
            return self._parsed(config_path)
        key = config_path, file.stat().st_mtime_ns
        if key not in _OURS:
            _OURS[key] = self._parsed(config_path)
        return _OURS[key]

    def _parsed(self, config_path: str) -> ConfigResult | None:
        try:
            found = super().load_config(config_path)
        except YAML_ERRORS as error:  # its reader is stricter than ours in places, as with tabs
            raise ConfigError([yaml_fault(f"{config_path}.yaml", error)]) from error
        if found is not None and isinstance(found.config, DictConfig):
            _rename(found.config, config_path.partition("/")[0])
        return found


@contextmanager
def hydra_with(folders: Sequence[Path]) -> Iterator[None]:
    """Start Hydra on our folder of config groups, with more folders behind it; end it afterwards.

    Where it runs already, as in a program or notebook that uses Hydra itself, that one is put back.
    """
    with _ONE_AT_A_TIME, _started(folders):
        yield


@contextmanager
def _started(folders: Sequence[Path]) -> Iterator[None]:
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir().resolve()), job_name="mtlrun", **_VERSION_BASE):
            loader = current_loader()
            for folder in reversed(folders):
                path = f"file://{folder.resolve()}"
                loader.get_search_path().append("options", path, SearchPathQuery("main", None))
            loader.repository = OptionRepository(loader.get_search_path())
            yield
    finally:
        GlobalHydra.instance().hydra = outer


def current_loader() -> ConfigLoaderImpl:
    """Return the loader of Hydra as it was started."""
    loader = GlobalHydra.instance().config_loader()
    assert isinstance(loader, ConfigLoaderImpl)
    return loader


def load_config(loader: ConfigLoader, path: str) -> ConfigResult | None:
    """Return one file of the search path as Hydra reads it, without what its defaults list brings in."""
    assert isinstance(loader, ConfigLoaderImpl)
    found: ConfigResult | None = loader.repository.load_config(path)
    return found


def start_multirun(task: TaskFunction, overrides: Sequence[str]) -> None:
    """Compose the config of the whole sweep, and hand its overrides to the sweeper that it chooses."""
    started = GlobalHydra.instance().hydra
    assert started is not None
    started.multirun("config", task, list(overrides), with_log_configuration=False)


def _rename(config: DictConfig, group: str) -> None:
    """Give settings their names of today: those of an option, and those that a preset sets in other groups.

    Raises:
        ConfigError: a setting has both its names.
    """
    for old, new in RENAMED.items():
        its_group, _, key = old.partition(".")
        preset = config._get_node(its_group) if its_group in config else None
        for node in (config if group == its_group else None, preset):
            if isinstance(node, DictConfig) and key in node:
                if new.partition(".")[2] in node:
                    raise ConfigError([Fault(old, both_names(new))])
                with open_dict(node):
                    node[new.partition(".")[2]] = node.pop(key)
