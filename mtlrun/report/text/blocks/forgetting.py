"""What later training takes from earlier tasks, as text cells: one block per suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text import number_format as words
from mtlrun.report.text.main_table import Block, names_of, plain_block

if TYPE_CHECKING:
    import pandas as pd

_Found = dict[Any, tuple[float, float]]
"""Mean and standard deviation over seeds, by cell and task."""


def forgetting_blocks(summary: Summary, marks: words.Marks = words.UNICODE) -> list[Block]:
    """Return a block per suite that has earlier tasks: mean and standard deviation over seeds, in metric units.

    What is meant is said by `mtlrun.report.analysis.training.phases.with_forgetting`.
    """
    if not summary.phases["phase"].gt(1).any():
        return []
    known = summary.pairs.dropna(subset=["forgetting"])
    of_row = known.groupby(["cell_id", "task"])["forgetting"]
    found = {key: (values.mean(), values.std()) for key, values in of_row}
    place = [key in found for key in zip(summary.rows["cell_id"], summary.rows["task"], strict=True)]
    rows = summary.rows[place]
    return [_block(str(suite), part, found, marks) for suite, part in rows.groupby("suite", sort=False)]


def _block(suite: str, rows: pd.DataFrame, found: _Found, marks: words.Marks) -> Block:
    names = names_of(rows)
    if "mitigation" not in names:
        names.insert(0, "mitigation", rows["mitigation"])
    tasks = list(dict.fromkeys(zip(rows["task"], rows["metric"], strict=True)))
    cells: dict[str, list[str]] = {}
    for cell_id, key in zip(rows["cell_id"], names.to_numpy().tolist(), strict=True):
        cells.setdefault(cell_id, key)
    decimals = words.decimals_for(sd for _, sd in found.values())
    lines = [
        [*key, *(_cell(found, (cell_id, task), decimals, marks) for task, _ in tasks)]
        for cell_id, key in cells.items()
    ]
    header = [*names.columns, *(f"{task} ({metric})" for task, metric in tasks)]
    return plain_block(suite, "", header, lines)


def _cell(found: _Found, key: tuple[str, str], decimals: int | None, marks: words.Marks) -> str:
    return words.with_spread(*found[key], decimals, marks) if key in found else "-"
