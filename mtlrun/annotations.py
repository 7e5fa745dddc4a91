"""Values of settings against the annotations of dataclass fields: whether they fit, and in which type."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Mapping
from typing import Any


def _parts(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the hint itself."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def fits(value: Any, hint: Any) -> bool:
    parts = _parts(hint)
    if len(parts) > 1:
        return any(fits(value, part) for part in parts)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin is typing.Literal:
        return value in args and type(value) in {type(a) for a in args}
    if origin is list:
        return isinstance(value, list) and all(fits(v, args[0]) for v in value)
    if origin is dict:
        return isinstance(value, Mapping) and all(fits(v, args[1]) for v in value.values())
    if hint is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and abs(value) <= sys.float_info.max  # neither nan nor infinite
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and not is_beyond_64_bits(value)
    return value is None if hint is type(None) else isinstance(value, hint)


def is_beyond_64_bits(value: Any) -> bool:
    """Return whether there is a whole number in plain data that no array, and no library, can hold."""
    if isinstance(value, Mapping | list):
        return any(map(is_beyond_64_bits, value.values() if isinstance(value, Mapping) else value))
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def coerced(value: Any, hint: Any) -> Any:
    parts = _parts(hint)
    if len(parts) > 1:
        exact = [p for p in parts if p is type(value)]
        fitting = exact or [p for p in parts if fits(value, p)]
        return coerced(value, fitting[0])
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is float:
        return float(value)
    if origin is list:
        return [coerced(v, args[0]) for v in value]
    if origin is dict:
        return {k: coerced(v, args[1]) for k, v in value.items()}
    return value


def type_name(hint: Any) -> str:
    """Say a type as a user would."""
    words = {
        int: "a whole number",
        float: "a finite number",
        bool: "true or false",
        str: "text",
        type(None): "null",
    }
    parts = _parts(hint)
    if len(parts) > 1:
        return " or ".join(type_name(p) for p in parts)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " or ".join(str(a) for a in args)
    if origin is list:
        return f"a list (each {type_name(args[0])})"
    if origin is dict:
        return f"a mapping {{name: value}} (each value {type_name(args[1])})"
    return words.get(hint, getattr(hint, "__name__", str(hint)))


def advice(value: Any, hint: Any) -> str:
    """Return what helps to write a value that does not fit, to stand behind the name of the type; "" for nothing."""
    if not is_beyond_64_bits(value):
        return as_mapping(value, hint)
    return ", and whole numbers must have no more than 64 bits"


def as_mapping(value: Any, hint: Any) -> str:
    """Return how a list of names is written where each of them needs a value, "" where it does not help."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return ""
    mapping = {name: name for name in value}
    return f", as {{{', '.join(f'{n}: {n}' for n in mapping)}}}" if value and fits(mapping, hint) else ""
