"""When a study has enough seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mtlrun.config import Configured
from mtlrun.errors import Fault

METHOD = "anytime"
"""The method that may be looked at after every batch of seeds."""


@dataclass
class Stop(Configured):
    """With `until: conclusive` a study begins with `seeds`, and adds seeds to the cells that have no verdict yet.

    Rows are then judged by a test that holds however often one looks (`statistics=anytime`, docs/statistics.md), so
    that looking after each batch raises no false alarms. Cells whose rows all have verdicts get no more seeds; nor
    do rows with diverged seeds, which more seeds do not repair.

    Args:
        until: `conclusive`, or null for exactly the seeds asked for.
        max: most seeds of a cell, at least those it begins with.
        batch: seeds added at a time.
    """

    until: Literal["conclusive"] | None = None
    max: int = 200
    batch: int = 8

    def faults(self) -> Iterator[Fault]:
        for name in ("max", "batch"):
            if getattr(self, name) < 1:
                yield Fault(name, "must be at least 1", getattr(self, name))

    def extended(self, seeds: Sequence[int]) -> list[int]:
        """Return seeds and the next batch, at most `max`; new ones are the largest, for the order of seeds counts."""
        more = max(0, min(self.batch, self.max - len(seeds)))
        return [*seeds, *range(max(seeds) + 1, max(seeds) + 1 + more)]
