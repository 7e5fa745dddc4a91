"""The overfitting gap of each row, trained together and alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.bands import mean_band
from mtlrun.report.analysis.training.overfitting import GAP_MTL, GAP_STL
from mtlrun.report.formats.html.figure import (
    Figure,
    categories,
    error_bars,
    hover,
    literal,
    numbers,
    row_ids,
    told_apart,
)
from mtlrun.report.formats.html.forest_plot import by_task, row_labels

if TYPE_CHECKING:
    import pandas as pd

_SIDES = {GAP_STL: ("STL", "--ink", "circle-open"), GAP_MTL: ("MTL", "--series-1", "circle")}
NOTE = (
    "Training less validation value of the primary metric, oriented, at the step that reports read: mean over seeds "
    "with its 95 % interval. Right of 0 a model is better on what it was trained on."
)


def overfitting_gaps_of_rows(summary: Summary) -> list[Figure]:
    """Return a figure per suite and metric with known gaps."""
    found = summary.diagnostics[summary.diagnostics["quantity"].isin(list(_SIDES))]
    if found.empty:
        return []
    means = mean_band(found, ["cell_id", "task", "quantity"])
    several = summary.rows.groupby("suite")["metric"].nunique().to_dict()
    figures = []
    for (suite, metric), rows in summary.rows.groupby(["suite", "metric"], sort=False):
        title = f"{suite}: {metric}" if several[suite] > 1 else str(suite)
        figures.append(_figure(title, str(metric), by_task(rows), means))
    return figures


def _figure(title: str, metric: str, rows: pd.DataFrame, means: pd.DataFrame) -> Figure:
    ids, labels = row_ids(rows), row_labels(rows)
    named = rows[["cell_id", "task"]].assign(id=ids, label=labels)
    data = [
        _trace(named.merge(means[means["quantity"] == q], on=["cell_id", "task"]), *_SIDES[q]) for q in _SIDES
    ]
    layout = {
        "xaxis": {"title": {"text": literal(f"gap in {metric}")}, "zeroline": True},
        "yaxis": categories(ids, labels),
        "hovermode": "closest",
    }
    return Figure(title, data, layout, f"{NOTE} By {told_apart(rows)}.", len(ids), wide=True)


def _trace(own: pd.DataFrame, name: str, colour: str, symbol: str) -> dict[str, Any]:
    low, high = (own[end].fillna(own["mean"]) for end in ("low", "high"))
    texts = [
        hover(f"<b>{literal(label)}</b>", f"{name}: {value:.3g}")
        for label, value in zip(own["label"], own["mean"], strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": numbers(own["mean"]),
        "y": own["id"].tolist(),
        "ids": own["id"].tolist(),
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": colour, "symbol": symbol, "size": 8},
        "error_x": {**error_bars(own["mean"], low, high), "color": colour},
    }
