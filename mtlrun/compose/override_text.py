"""Python values as the text of an override, from which Hydra's parser gives back an equal value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mtlrun.errors import ConfigError, Fault

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*")
"""Text that Hydra reads as it is, as the names of options are."""

_KEYWORDS = {"true", "false", "null", "nan", "inf"}
"""Words that Hydra reads as something else than text, in any case of letters."""

_RULE = "must be a text, a number, true or false, None, a list, or a mapping of such"


def override_text(key: str, value: Any) -> str:
    """Return the override that sets a key to one Python value; a list is one value, and no sweep.

    Text with `${...}` in it is an interpolation, as on the command line.

    Args:
        key: as `optimizer.lr`, or a group.
        value: text, number, bool, None, or lists, tuples and mappings of these; NumPy's numbers too.

    Raises:
        ConfigError: Hydra has no way to write the value.
    """
    return f"{key}={_written(key, value)}"


def _written(key: str, value: Any) -> str:
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays, without importing it
        value = value.tolist()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value + 0)  # of a subclass, as an enumeration's number, the plain one
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(key, k)}:{_written(key, v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_written(key, part) for part in value) + "]"
    raise ConfigError([Fault(key, _RULE, value)])


def _text(value: str) -> str:
    """Return text, in quotes unless it is a plain word.

    Hydra unescapes backslashes only where they stand before a quote or at the end.
    """
    if _WORD.fullmatch(value) and value.lower() not in _KEYWORDS:
        return value
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', value)
    return '"' + re.sub(r"(\\+)\Z", r"\1\1", escaped) + '"'


def _key(key: str, name: Any) -> str:
    """Return the key of a mapping, which Hydra has no quotes for."""
    if not isinstance(name, str) or not _WORD.fullmatch(name) or name.lower() in _KEYWORDS:
        rule = "must have keys of letters, digits, _ and -, which begin with a letter, in its mappings"
        raise ConfigError([Fault(key, rule, name)])
    return name
