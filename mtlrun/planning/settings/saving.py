"""Which runs of a study keep their weights, and of which checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from mtlrun.planning.cell import Cell

SAVES = ("best", "last")

Arrays = dict[str, np.ndarray]
"""Parameters and buffers of a run by name."""


class Rule(NamedTuple):
    """How the checkpoint of a run is chosen, as of `mtlrun.report.analysis.pairs.checkpoint_selection.select`.

    Attributes:
        select: `per_task`, `joint` or `last`.
        patience: of early stopping, in evaluations; 0 for none.
        after: the step after which patience counts.
    """

    select: str
    patience: int = 0
    after: int = 0

    def __str__(self) -> str:
        return f"{self.select}-patience{self.patience}-after{self.after}" if self.patience else self.select


def rules_of(cells: Iterable[Cell], save: str | None) -> dict[str, list[Rule]]:
    """Return by run id how the checkpoints are chosen that are kept; a baseline may serve cells that differ in it.

    `best` is the checkpoint that reports read: as the cell selects, and its baselines likewise, each by its own task.

    Args:
        cells: of the study.
        save: `best`, `last`, or None to keep none.
    """
    found: dict[str, list[Rule]] = {}
    if save is None:
        return found
    for cell in cells:
        own = alone = Rule("last")
        if save == "best":
            own, alone = _best(cell)
        for rule, runs in ((own, cell.runs), *((alone, runs) for runs in cell.baselines.values())):
            for run_id in runs:
                rules = found.setdefault(run_id, [])
                if rule not in rules:
                    rules.append(rule)
    return found


def stopping_rules(cells: Iterable[Cell]) -> dict[str, list[Rule]]:
    """Return by run id how reports will read the runs of cells that stop early: those and their baselines."""
    return rules_of([cell for cell in cells if cell.early_stop], "best")


def _best(cell: Cell) -> tuple[Rule, Rule]:
    """Return the rules of a cell and of its baselines, which train in one phase."""
    stop = cell.early_stop or {"patience": 0, "after": 0}
    one = len(cell.tasks) == 1 and cell.select == "joint"  # of one task both are the same
    alone = "last" if cell.select == "last" else "per_task"
    return (
        Rule("per_task" if one else cell.select, stop["patience"], stop["after"]),
        Rule(alone, stop["patience"]),
    )
