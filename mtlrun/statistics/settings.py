"""How a study is judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mtlrun.config import Configured
from mtlrun.errors import Fault


@dataclass
class Statistics(Configured):
    """Paired t tests and intervals on per-seed differences, with Holm's correction.

    Args:
        method: the test.
        correction: for several tests in one family.
        alpha: level of the tests.
        margin: a gain inside this many percent of |single-task mean| counts as neutral.
        family: the rows that are corrected together: those of one `suite`, or of the whole `study`.
        power: of the test whose number of seeds is estimated for inconclusive rows.
    """

    method: Literal["paired_t"] = "paired_t"
    correction: Literal["holm"] = "holm"
    alpha: float = 0.05
    margin: float = 1.0
    family: Literal["suite", "study"] = "suite"
    power: float = 0.8

    def faults(self) -> Iterator[Fault]:
        if not 0 < self.alpha < 0.5:
            yield Fault("alpha", "must be above 0 and below 0.5", self.alpha)
        if self.margin < 0:
            yield Fault("margin", "must not be negative", self.margin)
        if not 0 < self.power < 1:
            yield Fault("power", "must be above 0 and below 1", self.power)
