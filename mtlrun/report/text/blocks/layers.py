"""Gradient conflict by layer, as text cells: a line for each cell, pair of tasks and layer."""

from __future__ import annotations

import math
from typing import Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.layers import COSINE, MAGNITUDE, layer_table
from mtlrun.report.text import number_format as words
from mtlrun.report.text.blocks.diagnostics import early_and_late
from mtlrun.report.text.main_table import Block, names_of, plain_block


def layers_block(summary: Summary, marks: words.Marks = words.UNICODE) -> Block:
    """Return one block: mean cosines early and late, the share of steps in conflict, and the mean magnitude."""
    found = layer_table(summary)
    cells = found.drop_duplicates("cell_id")
    names = names_of(cells.assign(task=cells["suite"]))
    heads = dict(zip(cells["cell_id"], names.to_numpy().tolist(), strict=True))
    several = cells["suite"].nunique() > 1
    before: Any = None
    lines, starts = [], []
    for key, values in found.groupby(["cell_id", "suite", "task", "partner", "layer"], sort=False):
        cell_id, suite, task, partner, layer = key
        early, late = early_and_late(values, COSINE)
        shown = [words.interval(mean, math.nan, math.nan, 2) for mean in (early, late)]
        conflict = 100 * (values[COSINE] < 0).mean()
        starts.append(before != key[:-1])
        head = [*([suite] if several else []), *heads[cell_id], f"{task}, {partner}"]
        head = head if starts[-1] else [""] * len(head)
        lines.append([*head, str(layer), *shown, f"{conflict:.0f}", f"{values[MAGNITUDE].mean():.2f}"])
        before = key[:-1]
    header = [*(["suite"] if several else []), *names.columns, "tasks", "layer"]
    header += ["cosine early", "late", "conflict %", "magnitude"]
    title = "layers" if several else str(cells["suite"].iloc[0])
    return plain_block(title, "", header, lines, starts, len(header) - 5)
