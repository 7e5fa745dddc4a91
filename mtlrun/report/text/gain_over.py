"""Gains against a numeric setting, as text cells."""

from __future__ import annotations

import math
from typing import Any

from mtlrun.report.analysis.gain_over import gain_over_table
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text import number_format as words
from mtlrun.report.text.labels import cell_names
from mtlrun.report.text.main_table import GAIN, Block


def gain_over_block(summary: Summary, marks: words.Marks = words.UNICODE) -> Block:
    """Return one block: for each task and cell a line for each value of the setting, with what theory expects."""
    found = gain_over_table(summary)
    key = str(found["over"].iloc[0])
    several = found["suite"].nunique() > 1
    theory = bool(found["theory_pct"].notna().any())
    named: dict[Any, str] = {}
    for _, part in found.groupby("suite", sort=False):
        named |= dict(zip(part.index, cell_names(part, without=key), strict=True))
    found = found.assign(cell=found.index.map(named))
    place = found.groupby(["suite", "task", "cell"], sort=False).ngroup()
    found = found.assign(line=place).sort_values(["line", "at"], kind="stable")
    lines: list[list[str]] = []
    told: list[list[str | None]] = []
    starts: list[bool] = []
    records: list[Any] = list(found.itertuples())
    for before, row in zip([None, *records], records, strict=False):
        starts.append(before is None or row.line != before.line)
        head = [*([str(row.suite)] if several else []), str(row.task), str(row.cell)]
        expected = words.interval(row.theory_pct, math.nan, math.nan, 2)
        cells = [f"{row.at:g}", words.gain(row), words.verdict(row, marks), *([expected] if theory else [])]
        lines.append([*(head if starts[-1] else [""] * len(head)), *cells])
        told.append([*[None] * (len(head) + 1), row.verdict, row.verdict, *([None] if theory else [])])
    header = [*(["suite"] if several else []), "task", "cell", key, GAIN, "verdict"]
    title = f"gain over {key}" if several else f"{found['suite'].iloc[0]}: gain over {key}"
    metrics = ", ".join(dict.fromkeys(found["metric"]))
    return Block(
        title, metrics, [*header, *(["theory %"] if theory else [])], lines, told, starts, 2 + several
    )
