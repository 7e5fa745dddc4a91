"""What training looked like: cosines between task gradients, and the weights that tasks got, over the steps."""

from __future__ import annotations

from typing import Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.bands import mean_band
from mtlrun.report.analysis.training.diagnostics import COSINES, WEIGHTS
from mtlrun.report.formats.html.figure import Figure
from mtlrun.report.formats.html.mean_curves import curve, curves_figure, settings_of


def conflicts(summary: Summary) -> list[Figure]:
    """Return a figure per suite and pair of tasks: below 0 their gradients pull against each other."""
    return _figures(summary, COSINES, "cosine of gradients", {"range": [-1, 1], "zeroline": True})


def task_weights(summary: Summary) -> list[Figure]:
    """Return a figure per suite and task: the weight that each strategy gave it."""
    return _figures(summary, WEIGHTS, "weight", {"rangemode": "tozero"})


def _figures(summary: Summary, quantity: str, words: str, axis: dict[str, Any]) -> list[Figure]:
    """Return the figures of one quantity; none where a summary has no diagnostics."""
    found = summary.diagnostics
    own = found[found["quantity"] == quantity].fillna({"task": "all pairs", "partner": ""})
    figures = []
    for (suite, task, partner), values in own.groupby(["suite", "task", "partner"], sort=False):
        cells = values.drop_duplicates("cell_id")
        parts = dict(list(mean_band(values, ["cell_id", "step"]).groupby("cell_id", sort=False)))
        data: list[dict[str, Any]] = []
        for shown in settings_of(cells):
            data += curve(parts[shown.cell_id], shown.name, shown.colour, "solid", shown.visible)
        title = f"{suite}: {task}" + (f", {partner}" if partner else "")
        figures.append(curves_figure(title, data, words, len(cells), axis))
    return figures
