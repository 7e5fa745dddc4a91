"""JSON objects of stored runs that stay text until a part of them is asked for.

As Python objects they take some ten times the memory, and most reports read a small part of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mtlrun.schema import parse

EMPTY = "{}"


class StoredJson(Mapping[str, Any]):
    """A JSON object that was checked when it was read.

    Args:
        text: as it is stored.
        small: parts that are kept as objects.
    """

    __slots__ = ("_small", "_text")

    def __init__(self, text: str, small: Mapping[str, Any] | None = None) -> None:
        self._text, self._small = text, small or {}

    def __getitem__(self, name: str) -> Any:
        return self._small[name] if name in self._small else _last_read(self._text)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_last_read(self._text))

    def __len__(self) -> int:
        return len(_last_read(self._text))

    def __bool__(self) -> bool:
        return self._text != EMPTY

    def __repr__(self) -> str:
        return repr(_last_read(self._text))


class _LastRead:
    """Reads JSON, and keeps the last, since readers take several parts of one run after another."""

    def __init__(self) -> None:
        self._last: tuple[str, dict[str, Any]] = ("", {})

    def __call__(self, text: str) -> dict[str, Any]:
        if self._last[0] is not text:
            self._last = text, _parsed(text)
        return self._last[1]


def _parsed(text: str) -> dict[str, Any]:
    """Return what a text of JSON says; with NaN and infinities, as Python writes them, it takes longer."""
    try:
        found: dict[str, Any] = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        found = parse(text)
    return found


_last_read = _LastRead()
