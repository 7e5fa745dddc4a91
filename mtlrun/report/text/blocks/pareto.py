"""Mitigations against fronts of fixed weights, as text cells: one block per suite, and a sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.pareto.comparison import ALL, TIME, TRIALS
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text import number_format as words
from mtlrun.report.text.main_table import Block, names_of
from mtlrun.statistics.frontier import BEYOND, DOMINATED, ON, UNDECIDED

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {TRIALS: "equal trials", TIME: "equal time"}
_NAMED = 4


def frontier_blocks(summary: Summary) -> list[Block]:
    """Return a block per suite with a front: where each mitigation lies; how to read it stands with the first."""
    level = f"{100 * (1 - summary.settings.alpha):g}"
    note = (
        "lead over the front on every task at once in % of STL, with bounds that hold with "
        f"{level} % each; share of resamples. Points: of the grid compared with, at equal trials and equal time. "
        "Times are measured, and differ between machines"
    )
    groups = summary.frontier.groupby("suite", sort=False)
    return [_block(str(suite), rows, "" if place else note) for place, (suite, rows) in enumerate(groups)]


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
        against: list(rows[rows["against"] == against].itertuples()) for against in (*COLUMNS, ALL)
    }
    lines, told = [], []
    for place, settings in enumerate(names.to_numpy().tolist()):
        found = [records[against][place] for against in COLUMNS]
        whole = records[ALL][place]
        points = ", ".join(str(row.points) for row in found)
        lines.append([*settings, points, *map(_cell, found), f"{whole.verdict} {_lead(whole)}".strip()])
        told.append([*[None] * (len(settings) + 1), *(row.verdict for row in (*found, whole))])
    header = [*names.columns, "points", *COLUMNS.values(), f"all {records[ALL][0].points_of} points"]
    return Block(suite, note, header, lines, told, [False] * len(lines))


def _cell(row: Any) -> str:
    """Return `dominated 98 % -1.2 [-1.8, -0.6]`, or only the word where there is nothing else."""
    if math.isnan(row.lead_pct):
        return str(row.verdict)
    share = "" if math.isnan(row.confidence) else f" {100 * row.confidence:.0f} %"
    return f"{row.verdict}{share} {words.interval(row.lead_pct, row.lead_low, row.lead_high, 1)}"


def _lead(row: Any) -> str:
    return "" if math.isnan(row.lead_pct) else words.interval(row.lead_pct, math.nan, math.nan, 1)
