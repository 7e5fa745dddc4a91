"""A suite of two identical copies of a task."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mtlrun.data.digits_parity import DigitsParity
from mtlrun.data.suite import Source, SourceInfo
from mtlrun.data.task import Task


@dataclass
class Twins(DigitsParity):
    """Which digit, twice: tasks `digit` and `twin` with the same inputs and targets."""

    def offered(self) -> tuple[Task, ...]:
        digit = super().offered()[0]
        return digit, replace(digit, name="twin")

    def build(self, source: SourceInfo, seed: int) -> Source:
        built = super().build(source, seed)
        return replace(built, targets=dict.fromkeys(("digit", "twin"), built.targets["digit"]))
