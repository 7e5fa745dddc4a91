"""The folder of YAMLs as a registry: which groups and options exist, what they mean, what a node is called.

Serves `mtlrun list`, `mtlrun show` and the labels of a report. It reads text only: neither torch, pandas nor
hydra is imported here, so listing is quick.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from mtlrun.errors import ConfigError, Fault, did_you_mean
from mtlrun.options.docstrings import read_docstrings
from mtlrun.options.files import Loader, check_folders, option_files, option_folders, read_options
from mtlrun.options.suggestions import guesses, question

_HYDRA_KEY = re.compile(r"_[a-z]+_")  # _target_, _partial_, ...
_PACKAGE_LINE = re.compile(r"#\s*@package\b")
Known = Mapping[str, Mapping[str, Path]]
"""Every option by group, each with the root folder that it comes from."""

OPTION_RULE = "must be one of its options, or of a folder named by --config-dir"

_COMMENT = re.compile(r"\s*#\s*(.*?)\s*$")


@dataclass(frozen=True)
class Setting:
    """One key of an option: its dotted name, default, and the comment on its line of the YAML."""

    key: str
    value: Any
    comment: str


@dataclass(frozen=True)
class OptionPage:
    """All that is known of one option.

    Attributes:
        group: The config group.
        option: The option's name.
        target: The class or function that the option builds, or "".
        summary: One line: the first of the comment (options may share a target), else of the docstring.
        comment: The comment that opens the YAML.
        docstring: The target's docstring.
        module_docstring: The docstring of the target's module.
        settings: Every key with its default, in the order of the file.
        sets: What a preset chooses, option by group.
    """

    group: str
    option: str
    target: str
    summary: str
    comment: str
    docstring: str
    module_docstring: str
    settings: tuple[Setting, ...]
    sets: dict[str, str]


def conf_dir() -> Path:
    """Return the folder of config groups: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def groups(root: Path | None = None) -> list[str]:
    """Return the config groups, sorted."""
    folders = (path for path in (root or conf_dir()).iterdir() if path.is_dir())
    return sorted(folder.name for folder in folders if option_files(folder))


def options(group: str, root: Path | None = None) -> list[str]:
    """Return the options of a group, sorted.

    Raises:
        ConfigError: If there is no such group; the message holds the near matches.
    """
    known = groups(root)
    if group not in known:
        raise ConfigError([Fault("group", "must be a config group", group, known)])
    return sorted(path.stem for path in option_files((root or conf_dir()) / group))


def options_of(folders: Sequence[Path] = ()) -> dict[str, dict[str, Path]]:
    """Return every option by group, each with the root folder that it comes from, those of installed packages too.

    Args:
        folders: a user's own. Where several have an option, ours comes first, then the first of these, then an
            installed package's.

    Raises:
        ConfigError: If one of them is no folder, or a package announces none; or a file of theirs has faults.
    """
    found: dict[str, dict[str, Path]] = {}
    for root in (conf_dir(), *other_roots(folders)):
        for folder in root.iterdir():
            for path in option_files(folder):
                found.setdefault(folder.name, {}).setdefault(path.stem, root)
    return {group: dict(sorted(found[group].items())) for group in sorted(found)}


def other_roots(folders: Sequence[str | Path]) -> list[Path]:
    """Return the root folders of options that are not ours: a user's own, then those of installed packages.

    Raises:
        ConfigError: as of `options_of`.
    """
    faults = [Fault("--config-dir", "must be a folder", str(f)) for f in folders if not os.path.isdir(f)]
    if faults:
        raise ConfigError(faults)
    roots = [*map(Path, folders), *option_folders()]
    check_folders(roots, groups())
    return roots


def settings(known: Known) -> list[str]:
    """Return the dotted keys of all settings of all options that build something."""
    return sorted(
        {f"{group}.{key}" for group, roots in known.items() for o in roots for key in _keys(group, o, known)}
    )


def _keys(group: str, option: str, known: Known) -> list[str]:
    fields = _parse(*_version(known[group][option] / group / f"{option}.yaml"))
    return (
        [key for key, _ in _leaves(fields) if not _HYDRA_KEY.fullmatch(key)] if "_target_" in fields else []
    )


def no_group(word: str, known: Known) -> Fault:
    """Return the fault of a word that should be a group, with what was probably meant."""
    group, _, key = word.partition(".")
    having = [f"{group}={option}" for option in known.get(group, ()) if key in _keys(group, option, known)]
    if having:
        return Fault(word, f"is a setting of {', '.join(having)}, and no config group")
    near = did_you_mean(word, list(known), "{}")
    guess = "" if near else question(guesses(word, known, settings(known)))
    if guess:
        return Fault(word, f"is no config group{guess}")
    return Fault("group", "must be a config group", word, list(known))


def load_option(group: str, option: str, root: Path | None = None) -> dict[str, Any]:
    """Return an option's YAML as it stands, interpolations unresolved.

    Raises:
        ConfigError: If there is no such group or option, or the file is no YAML mapping.
    """
    return copy.deepcopy(_parse(*_version(_option_path(group, option, root))))


def label(group: str, node: Mapping[str, Any], known: Known | None = None) -> str:
    """Return what a resolved node of the config is called: the option with its `_target_`.

    Of several options with that target, the one with the most equal fields, then with the fewest others. A
    target that no option has is called by its class name; a node without target that fits none, `custom`.

    Args:
        group: the config group.
        node: plain data.
        known: the options that there are; without it, ours and those of installed packages.
    """
    target = node.get("_target_")
    best: tuple[int, int, str] | None = None
    for option, root in (options_of() if known is None else known).get(group, {}).items():
        fields = _parse(*_version(root / group / f"{option}.yaml"))
        if fields.get("_target_") == target:
            equal = sum(key in node and node[key] == value for key, value in fields.items())
            score = (-equal, len(fields), option)
            best = score if best is None else min(best, score)
    if best is not None:
        return best[2]
    return "custom" if target is None else str(target).rpartition(".")[2]


def describe(group: str, option: str, root: Path | None = None) -> OptionPage:
    """Return all that is known of an option, from its YAML and from its target's source.

    Raises:
        ConfigError: If there is no such group or option, or the file is no YAML mapping.
    """
    path = _option_path(group, option, root)
    fields = _parse(*_version(path))
    text = path.read_text(encoding="utf-8")
    target = str(fields.get("_target_", ""))
    docstring, module_docstring = read_docstrings(target) if target else ("", "")
    comment = _opening_comment(text)
    return OptionPage(
        group=group,
        option=option,
        target=target,
        summary=(comment or docstring).partition("\n")[0],
        comment=comment,
        docstring=docstring,
        module_docstring=module_docstring,
        settings=tuple(_settings(fields, text)),
        sets=_preset(fields.get("defaults") or []),
    )


def settings_named(key: str) -> list[str]:
    """Return the names below a key of `config.yaml`, as of the trackers below `tracker_options`."""
    return list(_parse(*_version(conf_dir() / "config.yaml"))[key])


def describe_setting(key: str, name: str) -> OptionPage:
    """Return all that is known of something that a key of `config.yaml` describes by its `_target_`.

    Args:
        key: as `tracker_options`.
        name: below it, as `mlflow`.
    """
    path = conf_dir() / "config.yaml"
    node, text = _parse(*_version(path))[key][name], path.read_text(encoding="utf-8")
    target, begin = str(node["_target_"]), f"{key}.{name}."
    docstring, module_docstring = read_docstrings(target)
    found = _settings({key: {name: node}}, text)
    own = tuple(replace(s, key=s.key.removeprefix(begin)) for s in found if not s.key.endswith("._target_"))
    return OptionPage(
        key, name, target, module_docstring.partition("\n")[0], "", docstring, module_docstring, own, {}
    )


def preset(group: str, option: str, root: Path) -> dict[str, str]:
    """Return what a preset of `mitigation` or `experiment` chooses, option by group."""
    return _preset(_parse(*_version(_option_path(group, option, root))).get("defaults") or [])


def _option_path(group: str, option: str, root: Path | None) -> Path:
    path = (root or conf_dir()) / group / f"{option}.yaml"
    # looking through the folders takes longer than reading the file
    if Path(option).name != option or option.startswith("_") or not os.path.isfile(path):
        raise ConfigError([Fault(group, OPTION_RULE, option, options(group, root))])
    return path


def _version(path: Path) -> tuple[Path, int]:
    return path, path.stat().st_mtime_ns


@lru_cache(maxsize=1024)
def _parse(path: Path, _modified_ns: int) -> dict[str, Any]:
    """Parse a YAML file, once for each of its versions."""
    return read_options(path)


def _opening_comment(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not _PACKAGE_LINE.match(line):
            lines.append(line.lstrip("#").strip())
    return "\n".join(lines).strip()


def _settings(fields: Mapping[str, Any], text: str) -> Iterator[Setting]:
    """Every leaf of the YAML in file order, with what stands behind it on its line."""
    comments = dict(_line_comments(yaml.compose(text, Loader), text.splitlines()))
    for key, value in _leaves(fields):
        if not _HYDRA_KEY.fullmatch(key) and key != "defaults":
            yield Setting(key, value, comments.get(key, ""))


def _leaves(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", copy.deepcopy(value)


def _line_comments(node: Any, lines: list[str], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Comment by dotted key, found from the marks that YAML leaves on its nodes."""
    if not isinstance(node, yaml.MappingNode):
        return
    for name, value in node.value:
        key = f"{prefix}{name.value}"
        line = name.end_mark.line
        end = value.end_mark.column if value.end_mark.line == line else name.end_mark.column + 1
        match = _COMMENT.match(lines[line][end:])
        if match:
            yield key, match[1]
        yield from _line_comments(value, lines, f"{key}.")


def _preset(defaults: list[Any]) -> dict[str, str]:
    """Read `- override /group: option` entries of a defaults list."""
    chosen: dict[str, str] = {}
    for entry in defaults:
        for name, option in entry.items() if isinstance(entry, dict) else ():
            chosen[str(name).removeprefix("override ").lstrip("/").partition("@")[0]] = str(option)
    return chosen
