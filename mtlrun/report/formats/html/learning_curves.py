"""Learning curves: the metric over training, trained together and alone, with bands over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.figure import Figure, cell_names, literal, numbers, series

if TYPE_CHECKING:
    import pandas as pd

_SPLIT = "val"
_SHOWN = 3
"""So many settings are shown at first; a click in the legend shows more."""

_MOST = 24
"""Settings of a suite whose curves are on the page."""


def learning_curves(summary: Summary) -> list[Figure]:
    """Return a figure per suite and task with evaluations at several steps."""
    values = _values(summary)
    if values.empty:
        return []
    found = []
    for (suite, task), rows in summary.rows.groupby(["suite", "task"], sort=False):
        names = dict(zip(rows["cell_id"], cell_names(rows), strict=True))
        shown = {cell: names[cell] for cell in list(names)[:_MOST]}
        own = values[(values["task"] == task) & values["cell_id"].isin(shown)]
        if own["step"].nunique() > 1:
            more = "" if len(names) <= _MOST else f" The first {_MOST} of {len(names)} settings."
            found.append(_figure(f"{suite}: {task}", own, shown, str(rows["metric"].iloc[0]), more))
    return found


def _values(summary: Summary) -> pd.DataFrame:
    """Return one row per cell, task, side, seed and step: the value of the row's metric on validation data."""
    import pandas as pd

    curves = summary.curves
    curves = curves[(curves["split"] == _SPLIT)]
    curves = curves.astype(dict.fromkeys(("run_id", "task", "metric"), "str"))
    parts = []
    for side, column in (("MTL", "run_id"), ("STL", "stl_run_id")):
        keys = summary.pairs[["cell_id", "task", "metric", "seed", column]]
        keys = keys.rename(columns={column: "run_id"}).assign(side=side)
        parts.append(keys.merge(curves, on=["run_id", "task", "metric"]))
    return pd.concat(parts, ignore_index=True)


def _figure(title: str, values: pd.DataFrame, names: dict[str, str], metric: str, more: str) -> Figure:
    data: list[dict[str, Any]] = []
    baselines: dict[tuple[str, ...], str] = {}
    for place, (cell, name) in enumerate(names.items()):
        own = values[values["cell_id"] == cell]
        together, alone = (own[own["side"] == side] for side in ("MTL", "STL"))
        visible = place < _SHOWN
        key = tuple(sorted(alone["run_id"].unique()))
        if key and key not in baselines:
            baselines[key] = f"STL ({name})" if baselines else "STL"
            data += _curve(alone, baselines[key], "--ink" if len(baselines) == 1 else "--faint", "dot", visible)
        if len(together):
            data += _curve(together, name, series(place)["color"], "solid", visible)
    layout = {
        "xaxis": {"title": {"text": "step"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": literal(f"{metric}, validation")}},
        "hovermode": "x unified",
    }
    note = "Mean over seeds; bands are one standard deviation." + more
    return Figure(title, data, layout, note)


def _curve(values: pd.DataFrame, name: str, colour: str, dash: str, visible: bool) -> list[dict[str, Any]]:
    """Return the traces of a mean and its band."""
    grouped = values.groupby("step")["value"]
    mean, sd = grouped.mean(), grouped.std().fillna(0.0)
    steps = [int(step) for step in mean.index]
    common = {
        "type": "scatter",
        "legendgroup": literal(name),
        "visible": True if visible else "legendonly",
    }
    band = {
        "x": [*steps, *reversed(steps)],
        "y": [*numbers(mean + sd), *reversed(numbers(mean - sd))],
        **{"mode": "lines", "line": {"width": 0}, "fill": "toself", "fillcolor": f"{colour}/0.14"},
        **{"hoverinfo": "skip", "showlegend": False},
    }
    line = {
        "x": steps,
        "y": numbers(mean),
        **{"mode": "lines", "name": literal(name), "line": {"color": colour, "dash": dash, "width": 2}},
        "hovertemplate": "%{y:.4g}",
    }
    return [common | band, common | line]
