"""The picture of a benchmark: what each setting gains over all suites, and the performance profiles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.axes_of_gains import set_gain_scale
from mtlrun.report.figures.drawing import Canvas, picture, refuse_empty
from mtlrun.report.figures.style import FAINT, HARM, INK, looks
from mtlrun.report.levels import SIZES
from mtlrun.report.text.captions import caption
from mtlrun.report.text.labels import cell_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mtlrun.report.figures.drawing import Drawn, Given

_LEAST_IN, _LINE_IN, _TWO_IN = 2.2, 0.2, 5.0
_PANELS = ("gains", "shares of runs")


@picture
def draw_aggregates(summary: Summary, ax: Given, size: str) -> Drawn:
    """Draw mean gains of settings over all suites, and the shares of runs above each gain.

    The best mean first: the mean gain and the mean of the middle half with their intervals; then for each setting the
    share of runs whose gain is above a threshold (performance profile, Agarwal et al. 2021). Further to the right and
    up is better.

    Args:
        summary: whose aggregates are drawn.
        ax: two axes to draw in; by default a figure is made.
        size: its width, a key of `SIZES`.

    Raises:
        ConfigError: no setting has a gain yet.
    """
    refuse_empty(summary.aggregates["mean_gain"])
    return draw_settings(summary.aggregates, ax, size, caption(summary.rows, "95 % intervals"))


def draw_settings(aggregates: pd.DataFrame, ax: Given, size: str, told: str = "") -> Drawn:
    """Draw a table of aggregates as `draw_aggregates` does, with a caption."""
    shown = aggregates.assign(name=cell_names(aggregates.assign(suite="", task="")))
    shown = shown.sort_values("mean_gain", ascending=False, kind="stable")
    height_in = max(_LEAST_IN, 0.7 + _LINE_IN * len(shown))
    canvas = Canvas(_PANELS, ax, size, height_in, 2 if SIZES[size] >= _TWO_IN else 1)
    _draw_gains(canvas.axes[0], shown)
    handles = _draw_profiles(canvas.axes[1], shown)
    return canvas.done(told, "Gains over all suites", handles)


def _draw_gains(axes: Axes, shown: pd.DataFrame) -> None:
    lines = np.arange(len(shown))
    ends = []
    for figure, above, marker, colour, label in (
        ("mean_gain", -0.15, "o", INK, "mean"),
        ("iqm_gain", 0.15, "D", FAINT, "mean of the middle half"),
    ):
        value, low, high = (shown[f"{figure}{end}"].to_numpy(dtype=float) for end in ("", "_low", "_high"))
        spread = np.nan_to_num(np.stack([value - low, high - value]).clip(min=0.0))
        look: dict[str, Any] = {"fmt": marker, "color": colour, "ms": 3.2, "elinewidth": 1.1, "capsize": 1.8}
        axes.errorbar(value, lines + above, xerr=spread, label=label, zorder=3, **look)
        ends += [*low, *high]
    axes.axvline(0, color=INK, lw=0.8, zorder=2)
    axes.set_yticks(lines, shown["name"].tolist())
    axes.set_ylim(len(shown) - 0.4, -0.6)
    far = set_gain_scale(axes, ends)
    left, right = axes.get_xlim()
    left, right = min(left, -0.1 * right), max(right, -0.1 * left)
    axes.set_xlim(left, right)
    axes.axvspan(left, 0, color=HARM, lw=0, zorder=0)
    for x, side, text in ((0, "left", "← sharing hurts"), (1, "right", "helps →")):
        axes.text(x, 1.0, text, transform=axes.transAxes, ha=side, va="bottom", color=FAINT, fontsize=6.5)
    axes.set_xlabel("gain over all suites, % of STL" + ("\n(logarithmic beyond 1 %)" if far else ""))
    axes.legend(loc="best", fontsize=6.5, handlelength=1)


def _draw_profiles(axes: Axes, shown: pd.DataFrame) -> list[Any]:
    """Draw the share of runs above each threshold, and return what the legend names."""
    profiles = [json.loads(p) if isinstance(p, str) else p for p in shown["profile"]]
    bounds = sorted(profiles[0], key=float)
    places = np.arange(len(bounds))
    handles = []
    for name, profile, look in zip(shown["name"], profiles, looks(len(shown)), strict=True):
        values = [profile[bound] for bound in bounds]
        handles += axes.plot(places, values, label=name, ms=2.6, lw=1.0, **look)
    axes.axvline(bounds.index("0"), color=INK, lw=0.8)
    step = max(1, -(-len(bounds) // 9))
    zero = bounds.index("0")
    marked = [place for place in places if (place - zero) % step == 0]
    axes.set_xticks(marked, [bounds[place] for place in marked])
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("gain in % of STL (not to scale)")
    axes.set_ylabel("share of runs with a larger gain")
    return handles
