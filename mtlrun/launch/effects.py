"""What choosing an option of a config group does to a job: what it changes, and what it writes at all.

Two choices may be put together without Hydra where neither writes what the other writes. That one changes a key
is too little to know: an option that writes the value that is there already changes nothing, and still decides
about the key in another job. So what counts are the files that a choice brings in or takes away, with every leaf
they hold and every group they override.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.default_element import ResultDefault
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from mtlrun.launch.repository import OptionRepository

Path = tuple[str, ...]

REMOVED = object()
"""Stands for the value of a key that is gone."""


@dataclass
class Composition:
    """A job as Hydra composes it.

    Attributes:
        tree: its config as plain data, interpolations not resolved, without Hydra's own part.
        files: every file it was made of, by path and package.
    """

    tree: dict[str, Any]
    files: dict[tuple[str | None, str | None], ConfigResult]


@dataclass
class Effect:
    """What one choice does, compared with the first job's.

    Attributes:
        changes: new values by path, or `REMOVED`.
        writes: leaves of every file that comes or goes.
        reaches: `writes` with everything above them.
        overrides: groups whose option these files choose.
    """

    changes: dict[Path, Any]
    writes: set[Path]
    reaches: set[Path] = field(init=False)
    overrides: set[str]

    def __post_init__(self) -> None:
        self.reaches = {path[:n] for path in self.writes for n in range(1, len(path) + 1)}

    def explained(self) -> bool:
        """Whether everything that it changes is among what it writes."""
        return all(
            path in self.reaches or any(path[:n] in self.writes for n in range(1, len(path)))
            for path in self.changes
        )

    def interferes(self, other: Effect) -> bool:
        """Whether both write the same leaf, or a leaf above or below the other's, or choose for one group."""
        overlap = self.writes & other.reaches or other.writes & self.reaches
        return bool(overlap or self.overrides & other.overrides)


class NotingLoader(ConfigLoaderImpl):
    """Hydra's loader, which notes the files that it makes a job of."""

    def __init__(self, loader: ConfigLoader) -> None:
        super().__init__(loader.get_search_path())
        known = getattr(loader, "repository", None)  # what composing the sweep has read already
        own = known if isinstance(known, OptionRepository) else None
        self.repository = own or OptionRepository(loader.get_search_path())
        self._files: dict[tuple[str | None, str | None], ConfigResult] = {}

    def composition(self, master: DictConfig, overrides: Sequence[str]) -> Composition:
        """Compose one job of a sweep."""
        self._files = {}
        config = self.load_sweep_config(master, list(overrides))
        tree = OmegaConf.to_container(config, resolve=False)
        assert isinstance(tree, dict)
        return Composition({str(k): v for k, v in tree.items() if k != "hydra"}, self._files)

    def _load_single_config(self, default: ResultDefault, repo: IConfigRepository) -> ConfigResult:
        found = super()._load_single_config(default, repo)
        self._files[default.config_path, default.package] = found
        return found


def effect(first: Composition, other: Composition, explicit: Iterable[str]) -> Effect:
    """Return what a change of one choice does.

    Args:
        first: the job that others are compared with.
        other: the same but for one choice.
        explicit: groups whose option the command line chooses, which no file can do there.
    """
    files = [first.files.get(k) or other.files[k] for k in first.files.keys() ^ other.files.keys()]
    writes = {path for file in files for path in _leaves(OmegaConf.to_container(file.config, resolve=False))}
    chosen = {
        str(getattr(default, "group", "")).rpartition("/")[2].partition("@")[0]
        for file in files
        for default in file.defaults_list or ()
        if getattr(default, "override", False)
    }
    return Effect(dict(_changes(first.tree, other.tree)), writes, chosen - set(explicit))


def fixed_files(composition: Composition) -> bool:
    """Whether no file's name depends on a choice elsewhere, as in `defaults: [model: ${suite}_net]`."""
    defaults = [d for file in composition.files.values() for d in file.defaults_list or ()]
    return not any("${" in f"{getattr(d, 'value', '')}{getattr(d, 'path', '')}" for d in defaults)


def changed(tree: Mapping[str, Any], changes: Mapping[Path, Any]) -> dict[str, Any]:
    """Return a tree with other values, which shares with the given one whatever stays as it is.

    Raises:
        KeyError: a path leads through something that is no mapping.
    """
    new = dict(tree)
    for path, value in changes.items():
        node = new
        for key in path[:-1]:
            if not isinstance(node[key], dict):
                raise KeyError(key)
            node[key] = dict(node[key])
            node = node[key]
        if value is REMOVED:
            del node[path[-1]]
        else:
            node[path[-1]] = value
    return new


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key in [*old, *(k for k in new if k not in old)]:
        path, before, after = (*prefix, key), old.get(key, REMOVED), new.get(key, REMOVED)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changes(before, after, path)
        elif repr(before) != repr(after):  # 1 and 1.0 and true are equal, yet not the same setting
            yield path, after


def _leaves(tree: Any, prefix: Path = ()) -> Iterator[Path]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves(value, (*prefix, str(key)))
    elif prefix:
        yield prefix
