"""Suites that a user of Python gives as objects, as nodes: plain data that any process can build again."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from mtlrun.config import to_node
from mtlrun.data.arrays.memory import ArraySuite
from mtlrun.data.suite import Suite
from mtlrun.errors import ConfigError, Fault
from mtlrun.user_code import find

MAIN = "__main__"  # the module of a script and of a notebook


def suite_node(suite: Any, folder: str | os.PathLike[str], workers: bool = True) -> dict[str, Any]:
    """Return the node of a suite that was given as an object.

    Args:
        suite: an `ArraySuite`, whose arrays are written into the folder; or an object of a class derived from
            `Suite`.
        folder: of arrays.
        workers: whether other processes may have to build it: these do not know classes of a script or a notebook.

    Raises:
        ConfigError: no process, or none but this one, can build it from its class and fields.
        DataError: arrays cannot be written.
    """
    if isinstance(suite, ArraySuite):
        return suite.save(folder)
    if not isinstance(suite, Suite) or not dataclasses.is_dataclass(suite):
        kind = f"{suite.__name__}, a class" if isinstance(suite, type) else type(suite).__name__
        rule = (
            "must be a name, an ArraySuite, or an object of a dataclass derived from mtlrun.data.suite.Suite"
        )
        raise ConfigError([Fault("suite", rule, kind)])
    faults = [*_class_faults(type(suite), workers), *_field_faults(suite)]
    if faults:
        raise ConfigError(faults)
    node = to_node(suite)
    found: dict[str, Any] = json.loads(json.dumps(node))  # tuples are lists from here on
    return found


def _class_faults(cls: type, workers: bool) -> list[Fault]:
    """Return why the class of a suite cannot be imported by its name."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    if cls.__module__ == MAIN and workers:
        rule = (
            "must be of a class that worker processes can import, and this one stands in the script or notebook "
            "itself: put it in a module, a .py file beside it, and import it; or train in this process, with "
            "launch.processes=1"
        )
        return [Fault("suite", rule, cls.__qualname__)]
    try:
        same = find(name) is cls
    except ConfigError:
        same = False
    if same:
        return []
    rule = "must be of a class at the top level of a module, where its name finds it"
    return [Fault("suite", rule, name)]


def _field_faults(suite: Any) -> list[Fault]:
    """Return the fields whose values are no plain data."""
    return [
        Fault(
            f"suite.{f.name}",
            "must be plain data (text, numbers, true or false, null, lists, mappings): give the "
            "path of a file, or use ArraySuite for arrays",
            type(getattr(suite, f.name)).__name__,
        )
        for f in dataclasses.fields(suite)
        if f.init and not _is_plain(getattr(suite, f.name))
    ]


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)
