"""What training looked like: cosines between task gradients, and the weights that tasks got, over the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.figure import Figure, cell_names, series
from mtlrun.report.formats.html.mean_curves import (
    BAND,
    MOST,
    SHOWN,
    curve,
    means_over_seeds,
    not_all,
    steps_layout,
)

if TYPE_CHECKING:
    import pandas as pd


def conflicts(summary: Summary) -> list[Figure]:
    """Return a figure per suite and pair of tasks: below 0 their gradients pull against each other."""
    return _figures(summary, "gradient_cosines", "cosine of gradients", {"range": [-1, 1], "zeroline": True})


def task_weights(summary: Summary) -> list[Figure]:
    """Return a figure per suite and task: the weight that each strategy gave it."""
    return _figures(summary, "weights", "weight", {"rangemode": "tozero"})


def _figures(summary: Summary, quantity: str, words: str, axis: dict[str, Any]) -> list[Figure]:
    """Return the figures of one quantity; none where a summary has no diagnostics."""
    found: pd.DataFrame | None = getattr(summary, "diagnostics", None)
    if found is None or found.empty:
        return []
    own = found[found["quantity"] == quantity].fillna({"task": "all pairs", "partner": ""})
    figures = []
    for (suite, task, partner), values in own.groupby(["suite", "task", "partner"], sort=False):
        cells = values.drop_duplicates("cell_id")
        names = dict(zip(cells["cell_id"], cell_names(cells), strict=True))
        data: list[dict[str, Any]] = []
        parts = dict(list(means_over_seeds(values, ["cell_id"]).groupby("cell_id", sort=False)))
        for place, (cell, name) in enumerate(list(names.items())[:MOST]):
            data += curve(parts[cell], name, series(place)["color"], "solid", place < SHOWN)
        layout = steps_layout(words)
        layout["yaxis"] |= axis
        title = f"{suite}: {task}" + (f", {partner}" if partner else "")
        figures.append(Figure(title, data, layout, BAND + not_all(len(names))))
    return figures
