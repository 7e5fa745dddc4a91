"""Gradient conflict and task weights: a line per cell and pair of tasks, and a sentence where they say something."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mtlrun.planning.labels import base_suite
from mtlrun.report.analysis.contrasts import BASE
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.bands import mean_band
from mtlrun.report.analysis.training.diagnostics import COSINES, WEIGHTS
from mtlrun.report.text import number_format as words
from mtlrun.report.text.blocks.overfitting import GAPS, gap_cells
from mtlrun.report.text.main_table import Block, names_of, plain_block

if TYPE_CHECKING:
    import pandas as pd

_EARLY, _LATE = 0.25, 0.75
_NAMED = 3


def diagnostics_block(summary: Summary, marks: words.Marks = words.UNICODE) -> Block:
    """Return one block: mean cosines early and late, the share of evaluations in conflict, gaps, mean weights."""
    found = summary.diagnostics
    cells = found.drop_duplicates("cell_id")
    cells = cells.assign(task=cells["suite"])
    several = cells["suite"].nunique() > 1
    names = names_of(cells)
    lines, starts = [], []
    groups = dict(list(found.groupby("cell_id", sort=False)))
    for cell_id, suite, settings in zip(
        cells["cell_id"], cells["suite"], names.to_numpy().tolist(), strict=True
    ):
        figures = _cell_lines(groups[cell_id])
        starts += [True, *[False] * (len(figures) - 1)]
        head = [*([str(suite)] if several else []), *settings]
        lines += [
            [*(head if place == 0 else [""] * len(head)), *cells_] for place, cells_ in enumerate(figures)
        ]
    header = [*(["suite"] if several else []), *names.columns]
    header += ["tasks", "cosine early", "late", "conflict %", *GAPS.values(), "mean weights"]
    title = "diagnostics" if several else str(cells["suite"].iloc[0])
    return plain_block(title, "", header, lines, starts, several + len(names.columns))


def conflict_sentence(summary: Summary) -> str:
    """Return how often gradients conflict without mitigation, of pairs of which the seeds say it with certainty.

    A share is reported where its 95 % interval over seeds lies on one side of one half: most of the recorded steps,
    or few.
    """
    found = summary.conflicts
    if (found["mitigation"] == BASE).any():
        found = found[found["mitigation"] == BASE]
    if found.empty:
        return ""
    pair = ["suite", "task", "partner"]
    found = found.assign(suite=found["suite"].map(base_suite))
    by_seed = found.groupby([*pair, "seed"], sort=False)[["known", "negative"]].sum().reset_index()
    by_seed["value"] = by_seed["negative"] / by_seed["known"]
    shares = mean_band(by_seed, pair).sort_values("mean", ascending=False, kind="stable")
    shares["name"] = _pair_names(shares)
    most, few = shares[shares["low"] > 0.5], shares[shares["high"] < 0.5]
    settings = found.groupby(pair)["cell_id"].nunique().max()
    pooled = ", over all settings" if settings > 1 else ""
    if len(shares) == 1 and len(most) + len(few):
        row: Any = next(shares.itertuples())
        return f"Gradients of {row.name} conflict in {_percent(row.mean)} of the recorded steps{pooled}."
    parts = [
        f"in {word} of the recorded steps for {_some(part)}"
        for word, part in (("most", most), ("few", few[::-1]))
        if len(part)
    ]
    return f"Gradients conflict {'; '.join(parts)}{pooled}." if parts else ""


def _pair_names(shares: pd.DataFrame) -> list[str]:
    """Return as "left and right", with the suite in front where several suites have tasks of these names."""
    several = shares.duplicated(["task", "partner"], keep=False)
    return [
        f"{f'{suite} ' if prefix else ''}{task} and {partner}"
        for suite, task, partner, prefix in zip(
            shares["suite"], shares["task"], shares["partner"], several, strict=True
        )
    ]


def _some(shares: pd.DataFrame) -> str:
    told = [f"{row.name} ({_percent(row.mean)})" for row in shares[:_NAMED].itertuples()]
    more = len(shares) - len(told)
    return ", ".join([*told, *([f"{more} more pairs" if more > 1 else "1 more pair"] if more > 0 else [])])


def _percent(share: Any) -> str:
    return f"{100 * share:.0f} %"


def early_and_late(values: pd.DataFrame, column: str) -> tuple[float, float]:
    """Return the means of a column over the first and the last quarter of the steps."""
    early, late = values["step"].quantile(_EARLY), values["step"].quantile(_LATE)
    return values[column][values["step"] <= early].mean(), values[column][values["step"] >= late].mean()


def _cell_lines(part: pd.DataFrame) -> list[list[str]]:
    """Return the figures of one cell, a line per pair of tasks; its gaps and weights stand in the first."""
    weights = part[part["quantity"] == WEIGHTS].groupby("task", sort=False)["value"].mean()
    whole = [*gap_cells(part), ", ".join(f"{task} {value:.3g}" for task, value in weights.items()) or "-"]
    lines: list[list[str]] = []
    cosines = part[part["quantity"] == COSINES]
    for (task, partner), values in cosines.groupby(["task", "partner"], sort=False, dropna=False):
        means = early_and_late(values, "value")
        name = f"{task}, {partner}" if isinstance(partner, str) else "all pairs"
        conflict = 100 * (values["value"] < 0).mean()
        shown = [words.interval(mean, math.nan, math.nan, 2) for mean in means]
        lines.append([name, *shown, f"{conflict:.0f}", *(whole if not lines else [""] * len(whole))])
    return lines or [[", ".join(dict.fromkeys(part["task"].dropna())), "-", "-", "-", *whole]]
