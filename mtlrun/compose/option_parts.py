"""What each option adds to a job: keys under its package, and, of a preset, the options that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.default_element import ConfigDefault, GroupDefault, InputDefault
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from mtlrun.compose.hydra_internals import load_config
from mtlrun.compose.plain import without_hydra

_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")
_KEYWORD = re.compile(r"_(global|group|here|name)_")


class CannotMerge(Exception):
    """Something that merging plain dicts does not express, so that Hydra has to compose the job."""


@dataclass(frozen=True)
class Part:
    """What one option adds to a job.

    Attributes:
        trees: contents of its files, each under its package, in the order in which they are merged.
        choices: options of other groups that it names, by group; None for no option.
    """

    trees: tuple[dict[str, Any], ...]
    choices: Mapping[str, str | None]


NO_PART = Part((), {})
"""Of a group without an option."""


@dataclass(frozen=True)
class Root:
    """The root config.

    Attributes:
        tree: its own keys, which its options are merged onto.
        options: the default option of each group, in the order in which options are merged.
    """

    tree: dict[str, Any]
    options: dict[str, str | None]


class OptionParts:
    """Options as Hydra's loader finds them, each read once.

    Args:
        loader: Hydra's.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._parts: dict[tuple[str, str], Part] = {}

    def root(self) -> Root:
        """Return the root config.

        Raises:
            CannotMerge: its defaults list has other entries than groups of its own level.
        """
        found = load_config(self._loader, "config")
        assert found is not None
        entries = list(found.defaults_list or ())
        if not entries or not entries[0].is_self():
            raise CannotMerge
        options = {}
        for entry in entries[1:]:
            if not (isinstance(entry, GroupDefault) and entry.group):
                raise CannotMerge
            if not _of_hydra(entry):
                options[entry.group] = _option(entry)
        return Root(without_hydra(_content(found)), options)

    def part(self, group: str, option: str) -> Part:
        """Return what an option adds to a job.

        Raises:
            CannotMerge: there is no such option, or its file uses what merging does not express.
        """
        if (group, option) not in self._parts:
            self._parts[group, option] = self._read(group, option, ())
        return self._parts[group, option]

    def _read(self, group: str, option: str, inside: tuple[str, ...]) -> Part:
        """Read an option, with the options of its own group that it builds on."""
        if option in inside or option not in self._loader.get_group_options(group):
            raise CannotMerge
        found = load_config(self._loader, f"{group}/{option}")
        assert found is not None
        package = _package(found, group)
        own = _under(package, _content(found))
        trees: list[dict[str, Any]] = []
        choices: dict[str, str | None] = {}
        bases: list[Part] = []
        placed = False
        for entry in found.defaults_list or ():
            if entry.is_self():
                trees.append(own)
                placed = True
            elif isinstance(entry, ConfigDefault):
                base = self._base(group, entry, package, (*inside, option))
                bases.append(base)
                trees += base.trees
            elif not _of_hydra(entry):
                other, its_option = _named(entry, package)
                if other in choices:  # which one counts depends on Hydra's release
                    raise CannotMerge
                choices[other] = its_option
        for base in reversed(bases):  # in Hydra's order: the file itself, then what stands last in its list
            choices = {**base.choices, **choices}
        return Part(tuple(trees if placed else [*trees, own]), choices)

    def _base(self, group: str, entry: ConfigDefault, package: str, inside: tuple[str, ...]) -> Part:
        """Return the part of an option that another of its group builds on."""
        path = str(entry.path)
        if entry.package or entry.is_optional() or not _NAME.fullmatch(path):
            raise CannotMerge
        found = load_config(self._loader, f"{group}/{path}")
        if found is None or _package(found, group) != package:
            raise CannotMerge
        return self._read(group, path, inside)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tree with another merged into it; it shares with them whatever is as it was in one of them.

    Raises:
        CannotMerge: a mapping meets a list, or an interpolation, which may stand for a mapping.
    """
    new = dict(below)
    for key, value in above.items():
        old = new.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            new[key] = merged(old, value)
        elif clash(old, value):
            raise CannotMerge
        else:
            new[key] = value
    return new


def clash(old: Any, new: Any) -> bool:
    """Whether a mapping or list is put where OmegaConf would not simply replace what is there."""
    if isinstance(new, dict | list) and isinstance(old, str):
        return "${" in old
    return isinstance(old, dict | list) and isinstance(new, dict | list) and type(old) is not type(new)


def plain_values(values: Iterable[Any]) -> bool:
    """Whether values mean what they are: texts, numbers, true or false, null, lists and mappings by text.

    `???` is none, since OmegaConf takes it for a value that is missing.
    """
    for value in values:
        if isinstance(value, dict):
            if not (all(type(key) is str for key in value) and plain_values(value.values())):
                return False
        elif isinstance(value, list):
            if not plain_values(value):
                return False
        elif type(value) not in (str, int, float, bool, type(None)) or value == "???":
            return False
    return True


def _content(found: ConfigResult) -> dict[str, Any]:
    """Return what a file says, interpolations as they are written."""
    if not isinstance(found.config, DictConfig):
        raise CannotMerge
    content = OmegaConf.to_container(found.config, resolve=False)
    if not isinstance(content, dict) or not plain_values([content]):
        raise CannotMerge
    return {str(key): value for key, value in content.items()}


def _package(found: ConfigResult, group: str) -> str:
    """Return under which key the content of an option stands; "" for the top."""
    header = found.header["package"]
    if header in (None, "_group_"):
        return group
    if header == "_global_":
        return ""
    if _KEYWORD.search(header) or not _NAME.fullmatch(header):
        raise CannotMerge
    return header


def _under(package: str, content: dict[str, Any]) -> dict[str, Any]:
    if not package:
        return without_hydra(content)
    for key in reversed(package.split(".")):
        content = {key: content}
    return content


def _of_hydra(entry: InputDefault) -> bool:
    """Whether an entry chooses a part of Hydra's own, as its launcher, which is no part of a job."""
    return isinstance(entry, GroupDefault) and str(entry.group).removeprefix("/").startswith("hydra/")


def _named(entry: InputDefault, package: str) -> tuple[str, str | None]:
    """Return the group and the option that an entry like `override /weighting: pcgrad` names."""
    if not isinstance(entry, GroupDefault) or not (entry.override and entry.group) or package:
        raise CannotMerge
    if entry.package or not _NAME.fullmatch(entry.group.removeprefix("/")) or entry.group[0] != "/":
        raise CannotMerge
    return entry.group[1:], _option(entry)


def _option(entry: GroupDefault) -> str | None:
    if not (entry.value is None or (isinstance(entry.value, str) and _NAME.fullmatch(entry.value))):
        raise CannotMerge
    return entry.value
