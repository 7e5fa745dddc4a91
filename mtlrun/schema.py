"""Checks of data that was read from a file: a schema is a function that yields a fault for each value out of place.

Schemas are put together from the functions below; each takes a value and its key, as `cells[0].runs[3]`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mtlrun.errors import Fault

Schema = Callable[[Any, str], Iterator[Fault]]

MOST_FAULTS = 10
"""That a message lists."""

_LARGEST = 2**63 - 1  # of a whole number that NumPy holds
_MOST_SHOWN = 120  # letters of a value
_HIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff"
_UNSHOWN = re.compile(f"[{_HIDDEN}]")

SHOWN = rf"\A[^{_HIDDEN}]*\Z"
"""A pattern of text without such signs."""


def text(value: Any, key: str) -> Iterator[Fault]:
    """Accept text that every file and terminal can show."""
    if not isinstance(value, str):
        yield fault(key, "must be text", value)
    elif _UNSHOWN.search(value):
        yield fault(key, "must be text without control characters and half characters", ascii(value))


def any_text(value: Any, key: str) -> Iterator[Fault]:
    """Accept all text, also such as only escapes show."""
    if not isinstance(value, str):
        yield fault(key, "must be text", value)


def name(value: Any, key: str) -> Iterator[Fault]:
    """Accept text that is not empty."""
    if value == "":
        yield fault(key, "must not be empty", value)
    yield from text(value, key)


def flag(value: Any, key: str) -> Iterator[Fault]:
    """Accept true and false."""
    if not isinstance(value, bool):
        yield fault(key, "must be true or false", value)


def number(value: Any, key: str) -> Iterator[Fault]:
    """Accept a finite number."""
    if not is_number(value):
        yield fault(key, "must be a finite number", value)


def amount(value: Any, key: str) -> Iterator[Fault]:
    """Accept a finite number that is not negative."""
    if not is_number(value) or value < 0:
        yield fault(key, "must be a finite number, not negative", value)


def whole(least: int = -_LARGEST) -> Schema:
    """Accept a whole number of at least so much."""
    bound = "" if least < -1 else f" of at least {least}"

    def check(value: Any, key: str) -> Iterator[Fault]:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _LARGEST:
            yield fault(key, f"must be a whole number{bound}", value)

    return check


def one_of(*choices: str) -> Schema:
    """Accept one of some texts."""

    def check(value: Any, key: str) -> Iterator[Fault]:
        if not isinstance(value, str) or value not in choices:
            yield fault(key, "must be one of those", value)._replace(choices=choices)

    return check


def maybe(schema: Schema) -> Schema:
    """Accept null too."""

    def check(value: Any, key: str) -> Iterator[Fault]:
        if value is not None:
            yield from schema(value, key)

    return check


def anything(value: Any, key: str) -> Iterator[Fault]:
    """Accept every value."""
    return iter(())


def list_of(schema: Schema, least: int = 0) -> Schema:
    """Accept a list of at least so many values."""

    def check(value: Any, key: str) -> Iterator[Fault]:
        if not isinstance(value, list) or len(value) < least:
            yield fault(key, "must be a list" + (f" of at least {least}" if least else ""), value)
            return
        for place, part in enumerate(value):
            yield from schema(part, f"{key}[{place}]")

    return check


def map_of(schema: Schema) -> Schema:
    """Accept an object whose values are all of one schema."""

    def check(value: Any, key: str) -> Iterator[Fault]:
        if not isinstance(value, Mapping):
            yield fault(key, "must be an object", value)
            return
        for own, part in value.items():
            if not isinstance(own, str) or _UNSHOWN.search(own):
                yield from text(own, f"{key}.{own!a}")
            yield from schema(part, f"{key}.{own}")

    return check


def fields(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Accept an object with some fields; others, as of later versions, may be there."""

    def check(value: Any, key: str) -> Iterator[Fault]:
        if not isinstance(value, Mapping):
            yield fault(key, "must be an object", value)
            return
        prefix = f"{key}." if key else ""
        for own, schema in required.items():
            if own not in value:
                yield Fault(prefix + own, "must be there")
            else:
                yield from schema(value[own], prefix + own)
        for own, schema in (optional or {}).items():
            if own in value:
                yield from schema(value[own], prefix + own)

    return check


def fault(key: str, rule: str, found: Any) -> Fault:
    """Return a fault that shows a value, null too, cut where it is long."""
    shown = "null" if found is None else repr(found) if isinstance(found, str | float) else _json(found)
    cut = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."
    return Fault(key, f"{rule}, found {ascii(cut)[1:-1] if not cut.isascii() else cut}")


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number that a float holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST if isinstance(value, int) else math.isfinite(value)


def listed(faults: list[Fault]) -> str:
    """Return faults as lines of a message, the first `MOST_FAULTS` of them."""
    lines = [f"  - {one}" for one in faults[:MOST_FAULTS]]
    more = len(faults) - MOST_FAULTS
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else [])])


def parse(content: bytes | str) -> Any:
    """Return what stands in JSON, in Python's dialect where NaN and infinities are numbers.

    Raises:
        ValueError: it is no JSON, no UTF-8, or nested deeper than Python reads.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _json(value: Any) -> str:
    try:
        return json.dumps(value, default=repr)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"
