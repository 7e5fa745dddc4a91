"""What the gate found: an outcome for every row of the lock, and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mtlrun.statistics.change import Change

OUTCOMES = ("regressed", "missing", "underpowered", "changed verdict", "improved", "pass")
"""From bad to good, the order of the table."""

UNDECIDED = ("missing", "underpowered")

WORDS = {0: "passed", 1: "regressed", 3: "undecided"}
"""What an exit code says of the whole study."""


@dataclass(frozen=True)
class GateRow:
    """One row of the lock and what became of it.

    Attributes:
        locked: the row in the lock.
        outcome: one of `OUTCOMES`.
        found: the change, None where nothing could be compared.
        margin: what may be lost, in percent of the row's scale.
        verdict: the verdict now, empty where the row is missing.
        seeds_needed: seeds a side to decide an underpowered row, if any number does.
        changed: what is different in config and code, in words.
        n_diverged: seeds that diverged now.
    """

    locked: Mapping[str, Any]
    outcome: str
    found: Change | None
    margin: float
    verdict: str
    seeds_needed: int | None
    changed: tuple[str, ...]
    n_diverged: int


@dataclass(frozen=True)
class GateResult:
    """All rows of a lock, from bad to good, and what else is different.

    Attributes:
        study: the lock's study.
        rows: what became of each.
        new_rows: rows of the study that the lock does not have.
        environment: what differs in versions and device, in words.
        alpha: level of the tests of all looks together.
        looks: how often the results were looked at; more than once where seeds were added.
        held: the study that is held against the lock; None for the one of the same name.
    """

    study: str
    rows: list[GateRow]
    new_rows: int
    environment: list[str]
    alpha: float
    looks: int = 1
    held: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by outcome, from bad to good; outcomes without rows are left out."""
        found = Counter(row.outcome for row in self.rows)
        return {outcome: found[outcome] for outcome in OUTCOMES if outcome in found}

    @property
    def exit_code(self) -> int:
        """1 if any row regressed, else 3 if any is underpowered or missing, else 0."""
        counts = self.counts
        if "regressed" in counts:
            return 1
        return 3 if any(outcome in counts for outcome in UNDECIDED) else 0

    def after(self, earlier: GateResult) -> GateResult:
        """Return this look with the rows that an `earlier` one has decided as they were decided there."""
        decided = {_key(row): row for row in earlier.rows if row.outcome not in UNDECIDED}
        rows = [decided.get(_key(row), row) for row in self.rows]
        return replace(self, rows=ordered(rows), looks=earlier.looks + 1, alpha=earlier.alpha)


def ordered(rows: list[GateRow]) -> list[GateRow]:
    """Return the rows from bad to good, else in the order of the lock."""
    return sorted(rows, key=lambda row: OUTCOMES.index(row.outcome))


def _key(row: GateRow) -> tuple[str, str]:
    return row.locked["cell_id"], row.locked["task"]
