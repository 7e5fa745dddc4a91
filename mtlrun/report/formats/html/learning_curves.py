"""Learning curves: the metric over training, trained together and alone, with bands over seeds."""

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

_SPLIT = "val"


def learning_curves(summary: Summary) -> list[Figure]:
    """Return a figure per suite and task with evaluations at several steps."""
    means = means_over_seeds(_values(summary), ("cell_id", "task", "side"))
    parts = dict(list(means.groupby(["cell_id", "task", "side"], sort=False)))
    alone = summary.pairs.groupby(["cell_id", "task"], sort=False)["stl_run_id"].agg(tuple).to_dict()
    found = []
    for (suite, task), rows in summary.rows.groupby(["suite", "task"], sort=False):
        names = dict(zip(rows["cell_id"], cell_names(rows), strict=True))
        data: list[dict[str, Any]] = []
        baselines: set[Any] = set()
        for place, (cell, name) in enumerate(list(names.items())[:MOST]):
            own = {side: parts.get((cell, task, side)) for side in ("STL", "MTL")}
            runs = alone.get((cell, task))
            if own["STL"] is not None and runs not in baselines:
                data += _baseline(own["STL"], name, first=not baselines, visible=place < SHOWN)
                baselines.add(runs)
            if own["MTL"] is not None:
                data += curve(own["MTL"], name, series(place)["color"], "solid", place < SHOWN)
        if any(len(trace["x"]) > 2 for trace in data):  # a band has every step twice
            layout = steps_layout(f"{rows['metric'].iloc[0]}, validation")
            found.append(Figure(f"{suite}: {task}", data, layout, BAND + not_all(len(names))))
    return found


def _baseline(means: pd.DataFrame, name: str, first: bool, visible: bool) -> list[dict[str, Any]]:
    """Return the curve of a baseline, named after the first setting that it belongs to where there are several."""
    label, colour = ("STL", "--ink") if first else (f"STL ({name})", "--faint")
    return curve(means, label, colour, "dot", visible)


def _values(summary: Summary) -> pd.DataFrame:
    """Return one row per cell, task, side, seed and step: the value of the row's metric on validation data."""
    import pandas as pd

    curves = summary.curves[summary.curves["split"] == _SPLIT]
    curves = curves.astype(dict.fromkeys(("run_id", "task", "metric"), "str"))
    parts = []
    for side, column in (("MTL", "run_id"), ("STL", "stl_run_id")):
        keys = summary.pairs[["cell_id", "task", "metric", column]]
        keys = keys.rename(columns={column: "run_id"}).assign(side=side)
        parts.append(keys.merge(curves, on=["run_id", "task", "metric"]))
    return pd.concat(parts, ignore_index=True)
