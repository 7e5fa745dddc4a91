"""Hydra's view of the folders of options: each file is read once, checked, and has today's names of settings."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, open_dict

from mtlrun.catalog import conf_dir
from mtlrun.config import RENAMED, both_names
from mtlrun.errors import ConfigError, Fault
from mtlrun.option_files import read_options


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
            self._check(config_path)
            found = super().load_config(config_path)
            if found is not None and isinstance(found.config, DictConfig):
                _rename(found.config, config_path.partition("/")[0])
            self._read[config_path] = found
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

    def _check(self, config_path: str) -> None:
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is not None and source.scheme() == "file" and Path(source.path) != conf_dir().resolve():
            name = config_path if config_path.endswith(".yaml") else f"{config_path}.yaml"
            read_options(Path(source.path, name))


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
