"""Where the error of each gain comes from, as text cells."""

from __future__ import annotations

from typing import Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.variance import NOTE, SHARES, by_task
from mtlrun.report.text import number_format as words
from mtlrun.report.text.main_table import GAIN, Block, names_of


def variance_block(summary: Summary, marks: words.Marks = words.UNICODE) -> Block:
    """Return one block: each row's shares of variance, its gain and verdict, and what would decide it."""
    rows = by_task(summary.rows)
    shares = [name for name in SHARES if rows[name].notna().any()]
    names = names_of(rows)
    suites = rows["suite"].nunique() > 1
    lines, told = [], []
    records: list[Any] = list(rows.itertuples())
    for row, settings in zip(records, names.to_numpy().tolist(), strict=True):
        found = [getattr(row, name) for name in shares]
        cells = [
            *([str(row.suite)] if suites else []),
            *(str(row.task), *settings),
            *("-" if part != part else f"{100 * part:.0f}" for part in found),
            *(words.gain(row), words.verdict(row, marks), words.needed(row)),
        ]
        lines.append(cells)
        told.append([None] * (len(cells) - 3) + [row.verdict, row.verdict, None])
    header = [
        *(["suite"] if suites else []),
        *("task", *names.columns),
        *(SHARES[name] for name in shares),
        *(GAIN, "verdict", "would decide"),
    ]
    title = "variance" if suites or rows.empty else str(rows["suite"].iloc[0])
    return Block(title, NOTE, header, lines, told, [False] * len(lines))
