"""The rule for files of options: an option sets keys of its own group only, and presets stand above the groups.

With it, a job is the root config with each chosen option's node under its group, then what presets set: a
grid is composed by merging, and what a choice does can be read in its own file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mtlrun.errors import Fault

PRESETS = ("mitigation", "experiment")
"""Groups whose options stand above the others: they name options of other groups, and may set their keys."""

_HEADER = re.compile(r"\s*#\s*@package\s+(\S+)\s*$")
_OTHER_HEADER = re.compile(r"\s*#\s*@")

_OWN = "is not of group `{group}`: an option sets keys of its own group only, and presets ({presets}) of any"
_NAMES = "names an option of another group than `{group}`, which only presets do ({presets})"
_HOW = "must name options of other groups as `override /GROUP: OPTION`"
_GLOBAL = "must open with the line `# @package _global_`, since options of `{group}` stand above the groups"


def rule_faults(path: Path, group: str, fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the file of an option breaks the rule.

    Args:
        path: of the file.
        group: that it is an option of.
        fields: what it says.
    """
    package = _package(path, group)
    for key in _strangers(package, group, fields):
        yield _told(path, key, _OWN, group)
    if group in PRESETS and package != "_global_" and fields:
        yield f"`{path}` {_GLOBAL.format(group=group)}"
    defaults = fields.get("defaults")
    for entry in defaults if isinstance(defaults, list) else ():
        name, option = next(iter(entry.items())) if isinstance(entry, dict) and entry else (entry, None)
        if not isinstance(name, str) or _is_own(name, group, option):
            continue
        if group not in PRESETS:
            yield _told(path, "defaults", _NAMES, group, name)
        elif "override" not in name.split():
            yield _told(path, "defaults", _HOW, group, name)


def _strangers(package: str, group: str, fields: Mapping[str, Any]) -> list[str]:
    """Return the keys with which an option leaves its group; its package, where it is that."""
    if group in PRESETS:
        return []
    if package == "_global_":
        return [key for key in fields if key not in (group, "defaults")]
    return [] if package == group or package.startswith(f"{group}.") else [f"@package {package}"]


def _is_own(name: str, group: str, option: Any) -> bool:
    """Whether an entry of a defaults list stays in its group, as `_self_`, `pcgrad` or `/weighting: pcgrad`."""
    path = name.split()[-1].partition("@")[0] if name.split() else ""
    if not path.startswith("/"):
        return option is None  # `- pcgrad` is beside the file; `- part: x` would be a group inside its group
    return path[1:].partition("/")[0] == group


def _package(path: Path, group: str) -> str:
    """Return the package that a file's header names, as Hydra reads it: before the first other line."""
    for line in path.read_text(encoding="utf-8").splitlines():
        found = _HEADER.match(line)
        if found:
            return group if found[1] == "_group_" else found[1]
        if line.strip() and not _OTHER_HEADER.match(line):
            break
    return group


def _told(path: Path, key: str, rule: str, group: str, found: Any = None) -> str:
    return f"`{path}`, {Fault(key, rule.format(group=group, presets=' and '.join(PRESETS)), found)}"
