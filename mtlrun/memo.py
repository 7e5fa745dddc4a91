"""Results kept by the content of their arguments: what many cells have in common is worked out once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def content_text(value: Any) -> str:
    """Return a text of plain data that does not depend on the order of keys, and tells 1 from 1.0."""
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except TypeError:  # keys that have no order, as 1 and "a": a later check refuses them
        return repr(value)


class Memo:
    """Calls functions of plain data, each once for equal arguments.

    It serves one command and is dropped: options and classes may have changed by the next. Results are shared,
    so nobody may change them.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, str], Any] = {}

    def __call__(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return `function(*arguments)`."""
        return self.keyed(arguments, function, *arguments)

    def keyed(self, key: Any, function: Callable[..., T], *arguments: Any) -> T:
        """Return `function(*arguments)`, known by what it depends on: plain data, in any order of keys."""
        text = content_text(key)
        if (function, text) not in self._known:
            self._known[function, text] = function(*arguments)
        found: T = self._known[function, text]
        return found
