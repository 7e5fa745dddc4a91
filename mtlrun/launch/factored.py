"""Composes the jobs of a sweep from its distinct options, not from their product.

Hydra composes the first job, then a job for each other option of a group, with nothing else changed. Jobs that
change several groups are put together from these, unless `effects` says that the options interfere, or Hydra
composes one job that changes the same two groups otherwise. Plain values are put in last, as Hydra does too.
Whatever is not understood here, Hydra composes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from mtlrun.launch.composing import COMPOSE_ERRORS, plain
from mtlrun.launch.effects import Composition, Effect, NotingLoader, Path, changed, effect, fixed_files

_ODD_INTERPOLATION = re.compile(r"\$\{[^}]*(hydra|:|\$\{)")
"""What depends on more than the job's own settings: Hydra's part, a resolver, an interpolation inside another."""

_KEY = re.compile(r"[\w/.]+")

Choices = tuple[tuple[int, str], ...]


class _Override(NamedTuple):
    """An override: its key, whether that is a group, its value, and whether it is of the common sort."""

    key: str
    is_group: bool
    value: Any
    common: bool


class Composer:
    """Composes the jobs of one command.

    Args:
        loader: Hydra's.
        master: the config that Hydra composed for the sweep as a whole.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader = NotingLoader(loader)
        self._master = master
        self._parsed: dict[str, _Override] = {}
        self._first: list[str] = []
        self._composed: dict[
            tuple[str, ...], Composition
        ] = {}  # the few jobs that others are put together from
        self._base: Composition | None = None  # None where nothing can be put together
        self._effects: dict[tuple[int, str], Effect | None] = {}
        self._trees: dict[Choices, dict[str, Any]] = {}
        self._pairs: dict[tuple[int, ...], bool] = {}
        self._values_hold: bool | None = None

    def jobs(self, batch: Sequence[Sequence[str]], number: int = 0) -> list[dict[str, Any]]:
        """Return jobs as plain data, interpolations resolved.

        Args:
            batch: the overrides of each job.
            number: of the first of them in the sweep.

        Raises:
            HydraException: overrides that do not compose; so do ValueError and OmegaConfBaseException.
            ConfigError: an interpolation cannot be resolved.
        """
        if batch and not self._first:
            self._begin(list(batch[0]))
        for overrides in reversed(batch):  # in a grid the last differs from the first in every swept key
            if self._values_hold is not None or list(overrides) == self._first:
                break
            tree = self._put_together(overrides)
            if tree is not None:
                self._values_hold = _same(tree, self._whole(overrides))
        return [self._job(overrides, number + place) for place, overrides in enumerate(batch)]

    def full(self, overrides: Sequence[str], number: int) -> DictConfig:
        """Return one job as Hydra composes it, Hydra's own part included."""
        config = self._loader.load_sweep_config(self._master, list(overrides))
        config.hydra.job.id = config.hydra.job.num = number
        return config

    def _begin(self, overrides: list[str]) -> None:
        self._first = overrides
        base = self._composition(overrides)
        self._trees[()] = base.tree
        parsed = [self._parse(text) for text in overrides]
        self._explicit = [o.key for o in parsed if o.is_group]
        keys = [o.key for o in parsed if not o.is_group]
        self._entangled = {  # as suite.label_noise=0.1 beside suite.label_noise.digit=0.2
            a
            for a in keys
            if keys.count(a) > 1 or any(b.startswith(a + ".") or a.startswith(b + ".") for b in keys)
        }
        if _own_settings_only(base):
            self._base = base

    def _job(self, overrides: Sequence[str], number: int) -> dict[str, Any]:
        tree = None if self._values_hold is False else self._put_together(overrides)
        if tree is None:
            return plain(self.full(overrides, number))  # not kept: there may be many
        return plain(OmegaConf.create(tree)) if "${" in repr(tree) else tree

    def _put_together(self, overrides: Sequence[str]) -> dict[str, Any] | None:
        """Return a job as the first one with some changes, or None where that cannot be done."""
        if self._base is None or len(overrides) != len(self._first):
            return None
        choices, values = [], {}
        for place, (first, text) in enumerate(zip(self._first, overrides, strict=True)):
            if text == first:
                continue
            old, new = self._parse(first), self._parse(text)
            if not (old.common and new.common) or old[:2] != new[:2] or new.key in self._entangled:
                return None
            if new.is_group:
                choices.append((place, text))
            else:
                values[tuple(new.key.split("."))] = new.value
        tree = self._chosen(tuple(choices))
        if not all(_present(tree, path) for path in values):
            return None
        tree = changed(tree, values)
        return None if _ODD_INTERPOLATION.search(repr(tree)) else tree

    def _chosen(self, choices: Choices) -> dict[str, Any]:
        """Return the first job with other options of groups, its plain values unchanged."""
        if len(choices) == 1:
            self._effect(*choices[0])
        if choices not in self._trees:
            tree = self._merged(choices) if len(choices) > 1 else None
            if tree is None:  # one of perhaps many, of which the tree alone is kept
                tree = self._loader.composition(self._master, self._with(choices)).tree
            self._trees[choices] = tree
        return self._trees[choices]

    def _merged(self, choices: Choices) -> dict[str, Any] | None:
        assert self._base is not None
        effects = [self._effect(*choice) for choice in choices]
        known = [e for e in effects if e is not None]
        if len(known) < len(effects) or any(a.interferes(b) for a, b in itertools.combinations(known, 2)):
            return None
        if not all(self._pair_holds(pair) for pair in itertools.combinations(choices, 2)):
            return None
        return changed(self._base.tree, {path: v for e in known for path, v in e.changes.items()})

    def _effect(self, place: int, text: str) -> Effect | None:
        """Return what one option does; None where that is not known."""
        choice = (place, text)
        if choice not in self._effects:
            assert self._base is not None
            self._effects[choice] = None
            try:
                alone = self._composition(self._with((choice,)))
            except COMPOSE_ERRORS:  # perhaps no job of the sweep; if it is one, Hydra will say so there
                return None
            self._trees[choice,] = alone.tree
            found = effect(self._base, alone, self._explicit)
            if found.explained() and _own_settings_only(alone):
                self._effects[choice] = found
        return self._effects[choice]

    def _pair_holds(self, pair: Choices) -> bool:
        """Whether Hydra agrees on the first job that changes these two groups, whose options do not interfere."""
        assert self._base is not None
        places = tuple(place for place, _ in pair)
        if places not in self._pairs:
            effects = [self._effect(*choice) for choice in pair]
            merged = {path: v for e in effects if e is not None for path, v in e.changes.items()}
            try:
                whole = self._whole(self._with(pair))
            except COMPOSE_ERRORS:
                self._pairs[places] = False
            else:
                self._pairs[places] = _same(changed(self._base.tree, merged), whole)
        return self._pairs[places]

    def _with(self, choices: Choices) -> list[str]:
        new = dict(choices)
        return [new.get(place, text) for place, text in enumerate(self._first)]

    def _whole(self, overrides: Sequence[str]) -> dict[str, Any]:
        return self._composition(overrides).tree

    def _composition(self, overrides: Sequence[str]) -> Composition:
        """Return a job as Hydra composes it, once for the same overrides."""
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = self._loader.composition(self._master, overrides)
        return self._composed[key]

    def _parse(self, text: str) -> _Override:
        if text not in self._parsed:
            (found,) = OverridesParser.create().parse_overrides([text])
            key, value = found.key_or_group, found.value()
            is_group = bool(self._loader.get_group_options(key)) and not isinstance(value, dict)
            simple = not (found.is_add() or found.is_force_add() or found.is_delete() or found.package)
            kinds = str if is_group else str | int | float | None | list
            common = simple and isinstance(value, kinds) and "{" not in (repr(value) if is_group else "")
            plain_key = _KEY.fullmatch(key) is not None and not key.startswith("hydra")
            mapping = isinstance(value, list) and any(isinstance(v, dict | list) for v in value)
            self._parsed[text] = _Override(key, is_group, value, common and plain_key and not mapping)
        return self._parsed[text]


def _own_settings_only(composition: Composition) -> bool:
    return fixed_files(composition) and not _ODD_INTERPOLATION.search(repr(composition.tree))


def _present(tree: dict[str, Any], path: Path) -> bool:
    node: Any = tree
    for key in path:
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return _sorted(one) == _sorted(other)


def _sorted(value: Any) -> str:
    """Return a text of a value that does not depend on the order of keys, and tells 1 from 1.0."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{_sorted(v)}" for key, v in sorted(value.items(), key=str)) + "}"
    return repr(value)
