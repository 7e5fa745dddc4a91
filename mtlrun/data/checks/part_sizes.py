"""Checks of `val` and `test`, the sizes of parts that are drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from mtlrun.errors import Fault


class Parts(Protocol):
    """A suite whose settings say how large its parts are."""

    val: int | float
    test: int | float


def part_size_faults(suite: Parts) -> Iterator[Fault]:
    """Yield what is wrong with the sizes of parts; keys are field names."""
    for name in ("val", "test"):
        share = getattr(suite, name)
        if not 0 < share < (1 if isinstance(share, float) else float("inf")):
            yield Fault(name, "must be a number of rows, or a fraction over 0 and under 1", share)
