"""YAML files of options, read with messages that name file and line.

Hydra would take a key that is no text and fail later, and YAML lets the last of two equal keys win.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yaml

from mtlrun.errors import TEXT_KEYS, ConfigError, Fault
from mtlrun.options.docstrings import package_folders
from mtlrun.options.rule import rule_faults

MERGE = "tag:yaml.org,2002:merge"

ENTRY_POINTS = "mtlrun.options"
"""The group of entry points by which installed packages announce folders of options."""


YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError, LookupError)
"""What readers of YAML raise: the last ones on a date that is none, on a number of thousands of digits, on a thousand
brackets, and where a tag as `!!bool` stands before what is none."""

_Safe = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, several times as fast, where PyYAML was built with it."""


class Loader(_Safe):  # type: ignore[misc, valid-type]
    """Safe YAML in which `1e-3` is a number, as in Hydra's, and whose keys are texts, each there once.

    Attributes:
        faults: of its keys.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.faults: list[Fault | str] = []

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping; its keys are checked as the file has them, before another is merged into it."""
        seen: dict[Any, int] = {}
        for name, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if name.tag == MERGE:
                continue
            key, line = self.construct_object(name, deep=True), name.start_mark.line + 1
            if not isinstance(key, str):
                text = name.value if isinstance(name, yaml.ScalarNode) else "a list or a mapping"
                self.faults.append(f"line {line}: mappings {TEXT_KEYS}, found {text}")
            elif key in seen:
                self.faults.append(f"line {line}: key `{key}` is given twice, first in line {seen[key]}")
            else:
                seen[key] = line
        if any(not isinstance(name.value, str) for name, _ in node.value if name.tag != MERGE):
            return {}  # such a key is a fault, and no key of Python's either
        return super().construct_mapping(node, deep)


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d[\d_]*(\.[\d_]*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def yaml_fault(path: Path | str, error: Exception) -> str:
    """Return what is wrong with a file that no YAML reader takes, with the line where the reader says it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        told = str(error).replace("\n", ", ")
        return f"`{path}` is no YAML: {told}"
    mark = error.problem_mark or error.context_mark
    line = f", line {mark.line + 1}" if mark else ""
    told = ", ".join(part for part in (error.context, error.problem) if part)
    return f"`{path}`{line} is no YAML: {told}"


def read_options(path: Path) -> dict[str, Any]:
    """Return what an option's file says, interpolations unresolved.

    Raises:
        ConfigError: it cannot be read, is no YAML mapping, or has keys that are no text or not there once.
    """
    try:
        loader = Loader(path.read_text(encoding="utf-8"))
        try:
            fields = loader.get_single_data() or {}
        finally:
            loader.dispose()
    except YAML_ERRORS as error:
        raise ConfigError([yaml_fault(path, error)]) from error
    except OSError as error:
        raise ConfigError([f"`{path}` cannot be read: {error.strerror}"]) from error
    if loader.faults:
        raise ConfigError([f"`{path}`, {fault}" for fault in loader.faults])
    if not isinstance(fields, dict):
        raise ConfigError([Fault(str(path), "must hold a mapping", type(fields).__name__)])
    return fields


def check_folders(folders: Iterable[Path], groups: Iterable[str]) -> None:
    """Read every option of some groups in folders of users, chosen or not: each may be listed, or be a label.

    Raises:
        ConfigError: every fault of every file.
    """
    faults: list[Fault | str] = []
    places = [(folder, group) for folder in folders for group in groups]
    for path, its_group in (
        (path, group) for folder, group in places for path in option_files(folder / group)
    ):
        try:
            faults += rule_faults(path, its_group, read_options(path))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)


def option_files(folder: Path) -> list[Path]:
    """Return the files of a group's options."""
    return sorted(path for path in folder.glob("*.yaml") if not path.name.startswith((".", "_")))


def option_folders() -> list[Path]:
    """Return the folder `conf` of each package that an entry point names, in the order of the points' names.

    The packages are found, not imported.

    Raises:
        ConfigError: a named package does not exist or has no such folder.
    """
    faults, found = [], []
    for point in sorted(entry_points(group=ENTRY_POINTS)):
        inside = [Path(folder, "conf") for folder in package_folders(point.value)]
        existing = [folder for folder in inside if folder.is_dir()]
        if existing:
            found.append(existing[0])
        else:
            rule = "must name a package with a folder conf of options; mend or uninstall what announces it"
            faults.append(Fault(f"entry point {ENTRY_POINTS}: {point.name}", rule, point.value))
    if faults:
        raise ConfigError(faults)
    return list(dict.fromkeys(found))
