"""Which task helps or hurts which, as text cells: tasks by their partners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.matrix import matrix_table
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text import number_format as words
from mtlrun.report.text.labels import cell_names
from mtlrun.report.text.main_table import Block

if TYPE_CHECKING:
    import pandas as pd


def matrix_block(summary: Summary, marks: words.Marks = words.UNICODE) -> Block:
    """Return one block: a group of lines for each suite and cell, a line for each task, a column for each partner."""
    found = matrix_table(summary)
    partners = list(dict.fromkeys([*_in_order(found["task"]), *found["partner"]]))
    partners = [name for name in partners if (found["partner"] == name).any()]
    groups = matrices(found)
    named = [name for name in ("suite", "cell") if len({key[name == "cell"] for key, _ in groups}) > 1]
    lines: list[list[str]] = []
    told: list[list[str | None]] = []
    starts: list[bool] = []
    for key, part in groups:
        head = [key[name == "cell"] for name in named]
        cells = {(row.task, row.partner): row for row in part.itertuples()}
        for place, task in enumerate(_in_order(part["task"])):
            got: list[Any] = [cells.get((task, partner)) for partner in partners]
            lines.append(
                [*(head if not place else [""] * len(head)), task, *(gain_cell(row, marks) for row in got)]
            )
            told.append([*[None] * (len(head) + 1), *(None if row is None else row.verdict for row in got)])
            starts.append(not place)
    title = "matrix" if "suite" in named else groups[0][0][0]
    metrics = ", ".join(dict.fromkeys(found["metric"]))
    starts = starts if sum(starts) > 1 else [False] * len(starts)
    header = [*named, "task", *partners]
    return Block(title, f"gain in {metrics}, % of STL", header, lines, told, starts, len(named))


def matrices(found: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """Return the parts of a matrix table by the name of their suite and of their cell among its others."""
    names = np.empty(len(found), dtype=object)
    for at in found.groupby("suite", sort=False).indices.values():
        part = found.iloc[at]
        names[at] = cell_names(part.assign(task=part["task"] + " " + part["partner"]))
    groups = found.assign(cell=names).groupby(["suite", "cell"], sort=False)
    return [((str(suite), str(cell)), part) for (suite, cell), part in groups]


def gain_cell(row: Any, marks: words.Marks = words.UNICODE) -> str:
    """Return `▼ -3.7`, with a `*` where the gain is below the margin; `-` where there is nothing."""
    if row is None or row.gain_pct != row.gain_pct:
        return "-"
    return (
        f"{getattr(marks, row.verdict)} {words.shown(row.gain_pct, '+.1f')}{words.SMALL if row.small else ''}"
    )


def _in_order(names: pd.Series) -> list[str]:
    return [str(name) for name in dict.fromkeys(names)]
