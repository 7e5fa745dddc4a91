"""Learning curves: the metric over training, trained together and alone, with bands over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.curves import primary_curves
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.bands import mean_band
from mtlrun.report.formats.html.figure import Figure
from mtlrun.report.formats.html.mean_curves import curve, curves_figure, settings_of

if TYPE_CHECKING:
    import pandas as pd


def learning_curves(summary: Summary) -> list[Figure]:
    """Return a figure per suite and task with evaluations at several steps."""
    means = mean_band(primary_curves(summary, ("val",)), ["cell_id", "task", "side", "step"])
    parts = dict(list(means.groupby(["cell_id", "task", "side"], sort=False)))
    alone = summary.pairs.groupby(["cell_id", "task"], sort=False)["stl_run_id"].agg(tuple).to_dict()
    found = []
    for (suite, task), rows in summary.rows.groupby(["suite", "task"], sort=False):
        data: list[dict[str, Any]] = []
        baselines: set[Any] = set()
        for shown in settings_of(rows):
            own = {side: parts.get((shown.cell_id, task, side)) for side in ("stl", "mtl")}
            runs = alone.get((shown.cell_id, task))
            if own["stl"] is not None and runs not in baselines:
                data += _baseline(own["stl"], shown.name, first=not baselines, visible=shown.visible)
                baselines.add(runs)
            if own["mtl"] is not None:
                data += curve(own["mtl"], shown.name, shown.colour, "solid", shown.visible)
        if any(len(trace["x"]) > 2 for trace in data):  # a band has every step twice
            quantity = f"{rows['metric'].iloc[0]}, validation"
            found.append(curves_figure(f"{suite}: {task}", data, quantity, len(rows)))
    return found


def _baseline(means: pd.DataFrame, name: str, first: bool, visible: bool) -> list[dict[str, Any]]:
    """Return the curve of a baseline, named after the first setting that it belongs to where there are several."""
    label, colour = ("STL", "--ink") if first else (f"STL ({name})", "--faint")
    return curve(means, label, colour, "dot", visible)
