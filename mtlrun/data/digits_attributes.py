"""Suite `digits_attributes`: which digit, and what is true of it, from the same pixels."""

from __future__ import annotations

from dataclasses import dataclass

from mtlrun.data.digits import attribute_targets, digits, digits_info, digits_split
from mtlrun.data.suite import Suite
from mtlrun.data.task import DEFAULT_METRICS, Source, SourceInfo, Task

ATTRIBUTES = {
    "even": (0, 2, 4, 6, 8),
    "above_four": (5, 6, 7, 8, 9),
    "prime": (2, 3, 5, 7),
    "closed_loop": (0, 6, 8, 9),
    "straight_stroke": (1, 4, 7),
}


@dataclass
class DigitsAttributes(Suite):
    """The textbook multi-task network's tasks: a 10-way softmax beside five sigmoids on shared inputs.

    Tasks: `digit` (multiclass, 10) and `attributes` (multilabel, 5, in the order below) by default; each
    attribute is also there by name as a binary task of its own.

    - `even`: 0 2 4 6 8
    - `above_four`: 5 6 7 8 9
    - `prime`: 2 3 5 7
    - `closed_loop`: 0 6 8 9. Not 4: about half of this data's fours are open at the top.
    - `straight_stroke`: 1 4 7, whose main stroke is straight. Not 2 and 5, whose straight bars are minor.

    An attribute is a property of the digit's class, not of the single image.
    """

    def offered(self) -> tuple[Task, ...]:
        """Return the digit, the five attributes at once, and each attribute alone."""
        return (
            Task("digit", "multiclass", 10, 0, DEFAULT_METRICS["multiclass"]),
            Task("attributes", "multilabel", len(ATTRIBUTES), 0, DEFAULT_METRICS["multilabel"]),
            *(Task(name, "binary", 1, 0, DEFAULT_METRICS["binary"]) for name in ATTRIBUTES),
        )

    def default(self) -> tuple[str, ...]:
        """Return the digit and the five attributes at once."""
        return ("digit", "attributes")

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the one source."""
        return (digits_info("digits"),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the digits with all seven targets."""
        images, labels = digits()
        targets = {"digit": labels, "attributes": attribute_targets(tuple(ATTRIBUTES.values()))}
        targets |= {name: attribute_targets((members,)) for name, members in ATTRIBUTES.items()}
        split = digits_split(source.rows["train"], self.split_seed(seed))
        return Source(source.name, images, targets, split)
