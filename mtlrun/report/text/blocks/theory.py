"""Measured against theory, as text cells: one block per suite."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text import number_format as words
from mtlrun.report.text.main_table import Block, names_of, plain_block

if TYPE_CHECKING:
    import pandas as pd

FIGURES = ("measured", "optimum", "by s.e.", "formula", "by s.e. ", "by %", "sign")
NOTE = "by: how far the mean of MTL lies from it, in standard errors and percent"


def theory_blocks(summary: Summary) -> list[Block]:
    """Return a block per suite with rows that theory knows: gains in metric units, and how far MTL lies from it."""
    return [_block(str(suite), rows) for suite, rows in summary.theory.groupby("suite", sort=False)]


def _block(suite: str, rows: pd.DataFrame) -> Block:
    names = names_of(rows)
    decimals = words.decimals_for(rows["diff_se"])
    lines, starts = [], []
    for task, group in rows.groupby("task", sort=False):
        records: list[Any] = list(group.itertuples())
        for row, settings in zip(records, names.loc[group.index].to_numpy().tolist(), strict=True):
            starts.append(row is records[0])
            lines.append([str(task) if starts[-1] else "", *settings, *_figures(row, decimals)])
    return plain_block(suite, NOTE, ["task", *names.columns, *FIGURES], lines, starts)


def _figures(row: Any, decimals: int | None) -> list[str]:
    """Return the cells of `FIGURES`."""
    gains = (row.diff, row.diff_optimum, row.diff_expectation)
    measured, optimum, formula = (words.with_spread(v, math.nan, decimals, words.UNICODE) for v in gains)
    off, formula_off = (_signed(v, 2) for v in (row.off_se, row.expectation_off_se))
    percent = _signed(row.expectation_off_pct, 1)
    return [measured, optimum, off, formula, formula_off, percent, row.sign or "-"]


def _signed(value: float, decimals: int) -> str:
    return words.interval(value, math.nan, math.nan, decimals)
