"""The picture of a benchmark: what each setting gains over all suites, and the performance profiles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.drawing import (
    COLOURS,
    FAINT,
    INK,
    add_scope,
    keep_spines,
    new_figure,
    refuse_empty,
)
from mtlrun.report.text.about import about
from mtlrun.report.text.main_table import names_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DASHES = ("-", "--", ":", "-.")
_WIDTH_IN, _LEAST_IN, _LINE_IN = 11.0, 3.4, 0.26


def draw_aggregates(summary: Summary) -> Figure:
    """Return the picture of a summary's aggregates.

    Raises:
        ConfigError: no setting has a gain yet.
    """
    refuse_empty(summary.aggregates["mean_gain"])
    figure = draw_settings(summary.aggregates)
    add_scope(figure, about(summary.rows))
    return figure


def draw_settings(aggregates: pd.DataFrame) -> Figure:
    """Return a picture of settings: mean gains, and the shares of runs above each.

    On the left the mean gain and the mean of the middle half with their intervals, the best mean first; on the
    right for each setting the share of runs whose gain is above a threshold (performance profile, Agarwal et al.
    2021). Further to the right and up is better.
    """
    names = names_of(aggregates.assign(suite="", task=""))
    named = names.agg("  ".join, axis=1) if len(names.columns) else aggregates["mitigation"]
    shown = aggregates.assign(name=named).sort_values("mean_gain", ascending=False, kind="stable")
    figure = new_figure(_WIDTH_IN, max(_LEAST_IN, 1.2 + _LINE_IN * len(shown)))
    gains, profiles = figure.subplots(1, 2)
    _draw_gains(gains, shown)
    _draw_profiles(profiles, shown)
    for axes in (gains, profiles):
        axes.tick_params(labelsize=8)
        keep_spines(axes, "left", "bottom")
    return figure


def _draw_gains(axes: Axes, shown: pd.DataFrame) -> None:
    lines = np.arange(len(shown))
    for figure, above, marker, label in (
        ("mean_gain", -0.14, "o", "mean"),
        ("iqm_gain", 0.14, "D", "mean of the middle half"),
    ):
        value, low, high = (shown[f"{figure}{end}"].to_numpy(dtype=float) for end in ("", "_low", "_high"))
        colour = INK if marker == "o" else FAINT
        axes.plot(value, lines + above, marker, color=colour, markersize=4.5, label=label)
        axes.hlines(lines + above, low, high, color=colour, linewidth=1.4)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(lines, shown["name"].tolist())
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=1)
    axes.xaxis.set_major_formatter("{x:g}")
    text = "gain in % of STL over all suites, with 95 % intervals; logarithmic beyond 1 %"
    axes.set_xlabel(text, fontsize=8, color=FAINT)
    axes.legend(frameon=False, fontsize=8)


def _draw_profiles(axes: Axes, shown: pd.DataFrame) -> None:
    profiles = [json.loads(p) if isinstance(p, str) else p for p in shown["profile"]]
    bounds = sorted(profiles[0], key=float)
    for place, (name, profile) in enumerate(zip(shown["name"], profiles, strict=True)):
        dash = _DASHES[place // len(COLOURS) % len(_DASHES)]
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(bounds, [profile[bound] for bound in bounds], dash, color=colour, label=name)
    axes.axvline(bounds.index("0"), color=INK, linewidth=0.8)
    axes.set_ylim(0, 1)
    axes.set_xlabel("gain in % of STL (axis not to scale)", fontsize=8, color=FAINT)
    axes.set_ylabel("share of runs above", fontsize=8, color=FAINT)
    axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
