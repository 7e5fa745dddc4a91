"""Means over seeds against steps, with the bands of their 95 % intervals, as traces of plotly.js."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mtlrun.report.formats.html.figure import Figure, cell_names, literal, numbers, series

if TYPE_CHECKING:
    import pandas as pd

BAND = "Mean over seeds with its 95 % interval."

MOST = 24
"""Settings of a suite whose curves are on the page."""

SHOWN = 3
"""Settings whose curves are shown at first; a click in the legend shows others."""


class Shown(NamedTuple):
    """A setting of a suite on the page: its cell, its name, its colour, and whether its curve is shown at first."""

    cell_id: str
    name: str
    colour: str
    visible: bool


def settings_of(rows: pd.DataFrame) -> list[Shown]:
    """Return the first settings of one suite, of rows with one of each cell."""
    named = list(zip(rows["cell_id"], cell_names(rows), strict=True))[:MOST]
    return [Shown(c, name, series(k)["color"], k < SHOWN) for k, (c, name) in enumerate(named)]


def curves_figure(
    title: str,
    data: list[dict[str, Any]],
    quantity: str,
    settings: int,
    axis: Mapping[str, Any] | None = None,
) -> Figure:
    """Return a figure of curves over training.

    Args:
        title: its heading.
        data: its traces.
        quantity: what the values are.
        settings: how many there are, of which the first `MOST` are shown.
        axis: further looks of the axis of values.
    """
    layout = {
        "xaxis": {"title": {"text": "step"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": literal(quantity)}, **(axis or {})},
        "hovermode": "x unified",
    }
    rest = f" The first {MOST} of {settings} settings." if settings > MOST else ""
    return Figure(title, data, layout, BAND + rest)


def curve(means: pd.DataFrame, name: str, colour: str, dash: str, visible: bool) -> list[dict[str, Any]]:
    """Return the traces of one curve, of what `mean_band` gives by step: its band, then its mean.

    The band of one seed is its curve.
    """
    means = means.sort_values("step")
    low, high = (means[end].fillna(means["mean"]) for end in ("low", "high"))
    steps = [int(step) for step in means["step"]]
    common = {
        "type": "scatter",
        "mode": "lines",
        "legendgroup": literal(name),
        "visible": True if visible else "legendonly",
    }
    band = {
        "x": [*steps, *reversed(steps)],
        "y": [*numbers(high), *reversed(numbers(low))],
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": f"{colour}/0.16",
        "hoverinfo": "skip",
        "showlegend": False,
    }
    line = {
        "x": steps,
        "y": numbers(means["mean"]),
        "name": literal(name),
        "line": {"color": colour, "dash": dash, "width": 2},
        "hovertemplate": "%{y:.4g}",
    }
    return [common | band, common | line]
