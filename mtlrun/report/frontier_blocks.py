"""Mitigations against fronts of fixed weights, as text cells: one block per suite, and a sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mtlrun.counted import counted
from mtlrun.report import words
from mtlrun.report.display import Block, names_of
from mtlrun.report.frontier import ALL, TIME, TRIALS
from mtlrun.report.summary import Summary
from mtlrun.statistics.frontier import BEYOND, DOMINATED, ON, UNDECIDED

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {TRIALS: "equal trials", TIME: "equal time", ALL: "whole grid"}
_NAMED = 4


def frontier_blocks(summary: Summary) -> list[Block]:
    """Return a block per suite with a front: where each mitigation lies, in each comparison."""
    level = f"{100 * (1 - summary.settings.alpha):g}"
    note = (
        "lead over the front on every task at once, in % of STL; bounds hold with "
        f"{level} % each; share of resamples; points of the grid it is compared with. Equal time is measured "
        "time, which differs between machines"
    )
    return [_block(str(suite), rows, note) for suite, rows in summary.frontier.groupby("suite", sort=False)]


def frontier_sentence(frontier: pd.DataFrame) -> str:
    """Return how many settings lie where, against whole grids; empty without fronts."""
    rows = frontier[frontier["against"] == ALL]
    if rows.empty:
        return ""
    parts = []
    for word in (DOMINATED, ON, BEYOND, UNDECIDED):
        names = list(dict.fromkeys(rows[rows["verdict"] == word]["mitigation"]))
        named = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        parts.append(f"{(rows['verdict'] == word).sum()} {word}" + (f" ({named})" if names else ""))
    return f"Against the front of all fixed weights of the grid: {', '.join(parts)}."


def _block(suite: str, rows: pd.DataFrame, note: str) -> Block:
    first = rows[rows["against"] == ALL]
    names = names_of(first.assign(task=""))
    if "mitigation" not in names:
        names.insert(0, "mitigation", first["mitigation"])
    records: dict[str, list[Any]] = {
        against: list(rows[rows["against"] == against].itertuples()) for against in COLUMNS
    }
    lines, told = [], []
    for place, settings in enumerate(names.to_numpy().tolist()):
        found = [records[against][place] for against in COLUMNS]
        lines.append([*settings, *map(_cell, found)])
        told.append([*[None] * len(settings), *(row.verdict for row in found)])
    header = [*names.columns, *COLUMNS.values()]
    return Block(suite, note, header, lines, told, [False] * len(lines))


def _cell(row: Any) -> str:
    """Return `dominated -1.23 [-1.80, -0.60] 98 %, 11 points`, or only the word where there is nothing else."""
    if math.isnan(row.lead_pct):
        return str(row.verdict)
    share = "" if math.isnan(row.confidence) else f" {100 * row.confidence:.0f} %"
    lead = words.interval(row.lead_pct, row.lead_low, row.lead_high, 2)
    return f"{row.verdict} {lead}{share}, {counted(row.points, 'point')}"
