"""Means over seeds against steps, with the bands of their 95 % intervals, as traces of plotly.js."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from mtlrun.report.formats.html.figure import literal, numbers

if TYPE_CHECKING:
    import pandas as pd

BAND = "Mean over seeds with its 95 % interval."

MOST = 24
"""Settings of a suite whose curves are on the page."""

SHOWN = 3
"""Settings whose curves are shown at first; a click in the legend shows others."""


def means_over_seeds(values: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return mean, low and high of `value` in each group and step, sorted by step; Student's t interval over seeds.

    The ends of an interval are the mean itself where a group has one seed.
    """
    groups = values.groupby([*by, "step"], sort=False, observed=True)["value"]
    found = groups.agg(mean="mean", sd="std", n="count").reset_index()
    n = found["n"].to_numpy(dtype=float)
    reach = special.stdtrit(np.maximum(n - 1, 1), 0.975) * found["sd"].to_numpy(dtype=float) / np.sqrt(n)
    reach = np.nan_to_num(reach)
    return found.assign(low=found["mean"] - reach, high=found["mean"] + reach).sort_values("step")


def curve(means: pd.DataFrame, name: str, colour: str, dash: str, visible: bool) -> list[dict[str, Any]]:
    """Return the traces of one curve: its band, then its mean."""
    steps = [int(step) for step in means["step"]]
    common = {
        "type": "scatter",
        "mode": "lines",
        "legendgroup": literal(name),
        "visible": True if visible else "legendonly",
    }
    band = {
        "x": [*steps, *reversed(steps)],
        "y": [*numbers(means["high"]), *reversed(numbers(means["low"]))],
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


def steps_layout(quantity: str) -> dict[str, Any]:
    """Return the layout of curves over training."""
    return {
        "xaxis": {"title": {"text": "step"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": literal(quantity)}},
        "hovermode": "x unified",
    }


def not_all(count: int) -> str:
    """Return what to say where not all settings have curves on the page."""
    return f" The first {MOST} of {count} settings." if count > MOST else ""
