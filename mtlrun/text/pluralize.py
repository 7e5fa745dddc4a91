"""Numbers with their nouns, for messages."""

from __future__ import annotations

from collections.abc import Sequence


def some_of(names: Sequence[str], most: int = 5) -> str:
    """Return `a, b, c`, or of more names the first ones `and 7 more`."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def pluralize(number: int, one: str, many: str | None = None) -> str:
    """Return `1 cell`, `2 cells` or `1,000 cells`; `many` is the plural where an s does not make it."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
