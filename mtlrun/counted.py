"""Numbers with their nouns, for messages."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return `1 cell`, `2 cells` or `1,000 cells`; `many` is the plural where an s does not make it."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
