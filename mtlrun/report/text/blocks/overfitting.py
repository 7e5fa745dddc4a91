"""The overfitting gap: text cells by task, and a sentence on where sharing changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.contrasts import BASE
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.bands import mean_band
from mtlrun.report.analysis.training.overfitting import GAP_MTL, GAP_STL
from mtlrun.report.text import number_format as words

if TYPE_CHECKING:
    import pandas as pd

GAPS = {GAP_STL: "gap STL", GAP_MTL: "gap MTL"}
"""Columns by quantity."""

_NAMED = 3


def gap_cells(part: pd.DataFrame) -> list[str]:
    """Return one cell's mean gaps by task, a text for each of `GAPS`: as "left 0.081, right 0.05"."""
    texts = []
    for quantity in GAPS:
        found = part[part["quantity"] == quantity].groupby("task", sort=False)["value"].mean()
        texts.append(", ".join(f"{task} {_shown(value)}" for task, value in found.items()) or "-")
    return texts


def overfitting_sentence(summary: Summary) -> str:
    """Return on which tasks MTL overfits less or more than STL without mitigation, with the mean gaps.

    A task is named where the 95 % interval over seeds of the difference of the gaps excludes 0, and the difference is
    larger than the margin, in percent of the single-task mean. Several settings of a task are pooled.
    """
    found = summary.diagnostics
    found = found[found["quantity"].isin(list(GAPS))]
    if (found["mitigation"] == BASE).any():
        found = found[found["mitigation"] == BASE]
    if found.empty:
        return ""
    by = ["suite", "task"]
    seeds = found.pivot_table(
        index=[*by, "seed"], columns="quantity", values="value", aggfunc="mean", sort=False
    )
    if not set(GAPS) <= set(seeds):
        return ""
    seeds = seeds.dropna().reset_index()
    bands = mean_band(seeds.assign(value=seeds[GAP_MTL] - seeds[GAP_STL]), by)
    means = seeds.groupby(by, sort=False)[[GAP_STL, GAP_MTL]].mean().reset_index()
    size = summary.rows.groupby(by, sort=False)["stl_mean"].mean().abs().rename("size").reset_index()
    tasks = bands.merge(means, on=by).merge(size, on=by)
    large = tasks["mean"].abs() > summary.settings.margin / 100 * tasks["size"]
    less, more = tasks[large & (tasks["high"] < 0)], tasks[large & (tasks["low"] > 0)]
    several = tasks["suite"].nunique() > 1
    parts = [
        f"{word} than STL on {_some(part, several)}"
        for word, part in (("less", less), ("more", more))
        if len(part)
    ]
    return f"MTL overfits {'; '.join(parts)} (training less validation)." if parts else ""


def _some(tasks: pd.DataFrame, several: bool) -> str:
    """Return as "left (gap 0.02 against 0.08)", the largest difference first."""
    largest = tasks.iloc[np.argsort(-tasks["mean"].abs(), kind="stable")]
    records: list[Any] = largest[:_NAMED].to_dict("records")
    told = [
        f"{row['suite'] + ' ' if several else ''}{row['task']} "
        f"(gap {_shown(row[GAP_MTL])} against {_shown(row[GAP_STL])})"
        for row in records
    ]
    more = [f"{len(tasks) - _NAMED} more"] if len(tasks) > _NAMED else []
    return ", ".join([*told, *more])


def _shown(value: float) -> str:
    return words.shown(value, ".2g")
