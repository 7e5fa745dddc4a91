"""What gains are made of, as text cells: one block per suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.attribution import WHOLE
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text import number_format as words
from mtlrun.report.text.main_table import Block, names_of, plain_block

if TYPE_CHECKING:
    import pandas as pd

NOTE = (
    "capacity: as many parameters as a task has at its disposal; exposure: as many steps and examples; partner with "
    "shuffled labels: trained together, the other tasks' labels saying nothing; true against shuffled labels: what "
    "those labels are worth; cost of sharing: capacity and shuffled partner together, which partly cancel; "
    "0 with an interval of 0: both sides are the same runs"
)


def attribution_blocks(summary: Summary, marks: words.Marks = words.UNICODE) -> list[Block]:
    """Return a block per suite with controls: the parts of each row's gain; how to read it stands with the first."""
    groups = summary.attribution.groupby("suite", sort=False)
    return [
        _block(str(suite), rows, "" if n else f"; {NOTE}", marks) for n, (suite, rows) in enumerate(groups)
    ]


def _block(suite: str, rows: pd.DataFrame, note: str, marks: words.Marks) -> Block:
    percent = rows.loc[rows["diff"].notna(), "gain_pct"].notna().all()
    value, low, high = ("gain_pct", "ci_low", "ci_high") if percent else ("diff", "diff_low", "diff_high")
    parts = [part for part in dict.fromkeys(rows["part"]) if part != WHOLE] + [WHOLE]
    first = rows[rows["part"] == WHOLE]
    names = names_of(first)
    cells = {
        (row["cell_id"], row["task"], row["part"]): words.with_spread(
            row[value], (row[high] - row[low]) / 2, 2 if percent else None, marks
        )
        for row in rows.to_dict("records")
    }
    lines, starts = [], []
    for task, group in first.groupby("task", sort=False):
        records: list[Any] = group["cell_id"].tolist()
        for cell_id, settings in zip(records, names.loc[group.index].to_numpy().tolist(), strict=True):
            starts.append(cell_id is records[0])
            found = [cells.get((cell_id, task, part), "-") for part in parts]
            lines.append([str(task) if starts[-1] else "", *settings, *found])
    unit = "in % of STL" if percent else "in units of the metric"
    unit += f", {marks.plus_minus} half of the 95 % interval"
    return plain_block(suite, unit + note, ["task", *names.columns, *parts], lines, starts)
