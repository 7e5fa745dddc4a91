"""How a study is judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mtlrun.config import Configured
from mtlrun.errors import Fault


@dataclass
class Statistics(Configured):
    """Tests and intervals on per-seed differences, corrected over a family; docs/statistics.md says which to choose.

    `paired_t` is the most powerful for normal differences, holds about its level for symmetric ones, and is the
    only one for splits that vary with the seed. `sign_flip` and `wilcoxon` hold for every symmetric distribution
    at any number of seeds; the second is the stronger one where outliers are common. `bootstrap` follows the
    skew of the differences and is closer to its level there with some 30 seeds or more. `anytime` may be looked
    at after every batch of seeds. No method keeps the level for clearly skewed differences and few seeds.

    Args:
        method: the test.
        correction: for several tests in one family: `holm` for the chance of any false verdict, `bh` for the
            expected share of false ones among the verdicts, `none`.
        alpha: level of the tests.
        margin: a gain inside this many percent of |single-task mean| counts as neutral.
        family: the rows that are corrected together: those of one `suite`, or of the whole `study`.
        power: of the test whose number of seeds is estimated for inconclusive rows.
    """

    method: Literal["paired_t", "bootstrap", "sign_flip", "wilcoxon", "anytime"] = "paired_t"
    correction: Literal["holm", "bh", "none"] = "holm"
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
