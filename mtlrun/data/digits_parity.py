"""Suite `digits_parity`: which digit, and whether it is odd, from the same pixels."""

from __future__ import annotations

from dataclasses import dataclass

from mtlrun.data.digits import attribute_targets, digits, digits_info, digits_split
from mtlrun.data.suite import Suite
from mtlrun.data.task import DEFAULT_METRICS, Source, SourceInfo, Task

ODD = (1, 3, 5, 7, 9)


@dataclass
class DigitsParity(Suite):
    """Two related tasks on shared inputs: parity is a function of the digit.

    Tasks: `digit` (multiclass, 10) and `parity` (binary, 1 for odd).
    """

    def offered(self) -> tuple[Task, ...]:
        """Return the two tasks."""
        return (
            Task("digit", "multiclass", 10, 0, DEFAULT_METRICS["multiclass"]),
            Task("parity", "binary", 1, 0, DEFAULT_METRICS["binary"]),
        )

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the one source."""
        return (digits_info("digits"),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the digits with both targets."""
        images, labels = digits()
        targets = {"digit": labels, "parity": attribute_targets((ODD,))}
        split = digits_split(source.rows["train"], self.split_seed(seed))
        return Source(source.name, images, targets, split)
