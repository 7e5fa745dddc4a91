"""How a study is judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from mtlrun.config import Configured
from mtlrun.errors import Fault

EXAMPLES: Final = "examples"
SEEDS: Final = "seeds"
SPLITS: Final = "splits"
"""What a verdict speaks about, see `Statistics.over`."""

SEEDS_ONLY = ("sign_flip", "wilcoxon")
"""Methods that take seeds as the only source of error."""


@dataclass
class Statistics(Configured):
    """Tests and intervals on paired differences, corrected over a family; docs/statistics.md says which to choose.

    `paired_t` is the most powerful for normal differences, holds about its level for symmetric ones, and is the
    only one for splits that vary. `bootstrap` follows the skew of the differences and is closer to its level
    there with some 30 seeds or more. `anytime` stays valid when it is repeated after every batch of seeds.
    `sign_flip` and `wilcoxon` hold for every symmetric distribution at any number of seeds, and speak about seeds
    only; the second is the stronger one where outliers are common. No method keeps the level for clearly skewed
    differences and few seeds.

    Args:
        method: the test.
        over: what a verdict speaks about. `examples`: networks trained on this training set, on new examples of the
            population that the test set was drawn from; seeds and test examples are both drawn. `seeds`: these
            test examples only. `splits`: training on other samples of the data source too; needs, and is implied
            by, `suite.splits` or `suite.resplit`.
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
    over: Literal["examples", "seeds", "splits"] = EXAMPLES

    def faults(self) -> Iterator[Fault]:
        if not 0 < self.alpha < 0.5:
            yield Fault("alpha", "must be above 0 and below 0.5", self.alpha)
        if self.margin < 0:
            yield Fault("margin", "must not be negative", self.margin)
        if not 0 < self.power < 1:
            yield Fault("power", "must be above 0 and below 1", self.power)
        if self.method in SEEDS_ONLY and self.over != SEEDS:
            rule = "speaks about seeds only, so it needs `statistics.over=seeds`"
            yield Fault("method", rule, self.method, ["paired_t", "bootstrap", "anytime"])
