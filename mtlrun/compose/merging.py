"""Composes the jobs of a grid by merging: the root config, then each chosen option, then the plain overrides.

An option sets keys of its own group only, and presets stand above the groups (`mtlrun.options.rule`), so a job needs
no more than the content of its files, each of which is read once. What merging does not express, as `~key` or
`group@package=option`, Hydra composes, which takes a tenth of a second a job. What Hydra composes for each sweep
as a whole is compared to what merging makes of the same overrides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, cast

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf

from mtlrun.compose.option_parts import (
    NO_PART,
    CannotMerge,
    OptionParts,
    Part,
    Root,
    clash,
    merged,
    plain_values,
)
from mtlrun.compose.plain import plain, unresolved
from mtlrun.memo import content_text

_ODD_INTERPOLATION = re.compile(r"\$\{[^}]*(hydra|:|\$\{)")
"""What depends on more than the job's own settings: Hydra's part, a resolver, an interpolation inside another."""

_NAMED = re.compile(r"\$\{\.*(\w+)")
"""The first key that an interpolation names: of the whole job, or beside it, as `${.width}`."""

_KEY = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*")

_MARKS = {OverrideType.CHANGE: "", OverrideType.ADD: "+", OverrideType.FORCE_ADD: "++"}


class _Setting(NamedTuple):
    """An override that merging expresses.

    Attributes:
        path: the key's parts; of a choice, the group.
        value: what it is set to.
        is_choice: whether the value is an option of a group.
        mark: `+` where the key must be a new one, `++` where it may be.
    """

    path: tuple[str, ...]
    value: Any
    is_choice: bool
    mark: str


class Composer:
    """Composes the jobs of one command.

    Args:
        loader: Hydra's.
        master: the config that Hydra composed for the sweep as a whole.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader = loader
        self._master = master
        self._parts = OptionParts(loader)
        self._settings: dict[str, _Setting | None] = {}
        self._trees: dict[tuple[tuple[str, str], ...], dict[str, Any] | None] = {}

    def jobs(self, batch: Sequence[Sequence[str]], number: int = 0) -> list[dict[str, Any]]:
        """Return jobs as plain data, interpolations resolved.

        Args:
            batch: the overrides of each job.
            number: of the first of them in the sweep.

        Raises:
            HydraException: overrides that do not compose; so do ValueError and OmegaConfBaseException.
            ConfigError: an interpolation cannot be resolved.
        """
        return [self._job(overrides, number + place) for place, overrides in enumerate(batch)]

    def full(self, overrides: Sequence[str], number: int) -> DictConfig:
        """Return one job as Hydra composes it, Hydra's own part included."""
        config = self._loader.load_sweep_config(self._master, list(overrides))
        config.hydra.job.id, config.hydra.job.num = str(number), number
        return config

    def _job(self, overrides: Sequence[str], number: int) -> dict[str, Any]:
        tree = self._merge(overrides) if self._merging_holds else None
        return plain(self.full(overrides, number)) if tree is None else _resolved(tree)

    @cached_property
    def _merging_holds(self) -> bool:
        """Whether merging makes of the overrides that are not swept what Hydra made of them."""
        overrides = OmegaConf.to_container(self._master.hydra.overrides.task, resolve=False)
        parsed = OverridesParser.create().parse_overrides(
            [str(text) for text in cast("list[Any]", overrides)]
        )
        tree = self._merge([str(one.input_line) for one in parsed if not one.is_sweep_override()])
        return tree is not None and content_text(tree) == content_text(unresolved(self._master))

    def _merge(self, overrides: Sequence[str]) -> dict[str, Any] | None:
        """Return a job, interpolations as they are written, or None where merging does not express it."""
        settings = [self._setting(text) for text in overrides]
        known = [setting for setting in settings if setting is not None]
        if len(known) < len(settings):
            return None
        tree = self._tree(tuple((s.path[0], s.value) for s in known if s.is_choice))
        if tree is None:
            return None
        try:
            for setting in known:
                if not setting.is_choice:
                    tree = _with_value(tree, setting.path, setting.value, setting.mark)
        except CannotMerge:
            return None
        return None if _ODD_INTERPOLATION.search(repr(tree)) else tree

    def _tree(self, explicit: tuple[tuple[str, str], ...]) -> dict[str, Any] | None:
        """Return a job without its plain overrides, given the options that overrides choose."""
        if explicit not in self._trees:
            try:
                self._trees[explicit] = self._merged_options(dict(explicit))
            except CannotMerge:
                self._trees[explicit] = None
        return self._trees[explicit]

    def _merged_options(self, explicit: Mapping[str, str]) -> dict[str, Any]:
        if not set(explicit) <= set(self._root.options):
            raise CannotMerge
        chosen: dict[str, str | None] = dict(explicit)
        parts: dict[str, Part] = {}
        for group, default in reversed(
            self._root.options.items()
        ):  # what stands above others chooses for them
            option = chosen.setdefault(group, default)
            parts[group] = NO_PART if option is None else self._parts.part(group, option)
            for other, its_option in parts[group].choices.items():
                if other not in self._root.options or (other in parts and other not in explicit):
                    raise CannotMerge
                chosen.setdefault(other, its_option)
        tree = self._root.tree
        for group in self._root.options:
            for added in parts[group].trees:
                tree = merged(tree, added)
        return tree

    @cached_property
    def _root(self) -> Root:
        return self._parts.root()

    def _setting(self, text: str) -> _Setting | None:
        if text not in self._settings:
            (override,) = OverridesParser.create().parse_overrides([text])
            self._settings[text] = self._read(override)
        return self._settings[text]

    def _read(self, override: Override) -> _Setting | None:
        """Return an override as a setting; None where merging does not express it."""
        key, value, mark = override.key_or_group, override.value(), _MARKS.get(override.type)
        written = str(override.input_line).partition("=")[0].strip()
        if mark is None or written != mark + key or override.package:
            return None
        if not _KEY.fullmatch(key) or not plain_values([value]):
            return None
        path = tuple(key.split("."))
        if path[0] == "hydra":
            return None
        is_choice = bool(self._loader.get_group_options(key)) and not isinstance(value, dict)
        if is_choice and (mark or not isinstance(value, str)):
            return None
        return _Setting(path, value, is_choice, mark)


def _resolved(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a job with its interpolations resolved, in a config of no more than what they stand in and name.

    Raises:
        ConfigError: one cannot be resolved.
    """
    texts = {key: text for key, text in ((k, repr(value)) for k, value in tree.items()) if "${" in text}
    if not texts:
        return tree
    written = " ".join(texts.values())
    named = _NAMED.findall(written)
    whole = len(named) < written.count("${")  # one that names its key in another way
    part = {key: value for key, value in tree.items() if whole or key in texts or key in named}
    return {**tree, **plain(OmegaConf.create(part))}


def _with_value(tree: Mapping[str, Any], path: tuple[str, ...], value: Any, mark: str) -> dict[str, Any]:
    """Return a tree with another value, which shares with the given one whatever stays as it is.

    Raises:
        CannotMerge: the mark forbids it, or something on the way is no mapping.
    """
    key, rest = path[0], path[1:]
    if key not in tree and not mark:
        raise CannotMerge
    old = tree.get(key, {} if rest else None)
    if rest:
        if not isinstance(old, dict):
            raise CannotMerge
        return {**tree, key: _with_value(old, rest, value, mark)}
    is_there = mark == "+" and old is not None and not isinstance(value, dict | list)
    if is_there or clash(old, value):
        raise CannotMerge
    if isinstance(value, dict) and isinstance(old, dict):
        if not mark and not _has_keys(old, value):
            raise CannotMerge
        value = merged(old, value)
    return {**tree, key: value}


def _has_keys(tree: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a tree has every key of another, as deep as both have mappings."""
    return all(
        key in tree
        and not (isinstance(value, dict) and isinstance(tree[key], dict) and not _has_keys(tree[key], value))
        for key, value in other.items()
    )
