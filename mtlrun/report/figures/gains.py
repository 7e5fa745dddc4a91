"""The one picture: a forest plot of the gains with their intervals, the harmful side shaded.

Verdicts differ by colour and by shape. Drawn with matplotlib's objects, so that no global state is touched; the
same summary gives the same file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.tuning import tuning_warning
from mtlrun.report.figures.drawing import (
    FAINT,
    GAIN,
    INK,
    LOSS,
    PALE,
    keep_spines,
    new_figure,
    refuse_empty,
    wrapped,
)
from mtlrun.report.text import number_format as words
from mtlrun.report.text.about import about
from mtlrun.report.text.advice import unconverged
from mtlrun.report.text.main_table import names_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOOKS = {
    "negative": ("v", LOSS),
    "positive": ("^", GAIN),
    "neutral": ("s", "#0067a5"),
    "inconclusive": ("o", FAINT),
}
"""Marker and colour by verdict; the colours differ for colour-blind readers too."""

_HARM = "#fbe7e1"
_WIDTH_IN, _LINE_IN, _HEAD_IN, _FOOT_IN, _LEGEND_IN, _TITLE_IN = 9.0, 0.235, 0.62, 0.45, 0.45, 0.15
_LEFT, _RIGHT = 0.30, 0.78
_NAME_LENGTH = 38


class _Panel(NamedTuple):
    """Rows of one suite that share an axis: gains in percent, or differences of one metric in its own unit."""

    title: str
    unit: str
    rows: pd.DataFrame
    columns: tuple[str, str, str]
    margin: float


def draw_gains(summary: Summary) -> Figure:
    """Return the forest plot of a summary's rows.

    Raises:
        ConfigError: there is no gain yet.
    """
    refuse_empty(summary.rows["diff"])
    panels = _panels(summary)
    heights = [_HEAD_IN + _FOOT_IN + _LINE_IN * _slots(panel) for panel in panels]
    title = _legend_title(summary)
    total = sum(heights) + _LEGEND_IN + _TITLE_IN * len(title.splitlines())
    figure = new_figure(_WIDTH_IN, total, layout=None)
    top = total
    for panel, height in zip(panels, heights, strict=True):
        body = height - _HEAD_IN - _FOOT_IN
        bottom = top - _HEAD_IN - body
        axes = figure.add_axes((_LEFT, bottom / total, _RIGHT - _LEFT, body / total))
        _draw_panel(axes, panel)
        top -= height
    _draw_legend(figure, summary, total, title)
    return figure


def _panels(summary: Summary) -> list[_Panel]:
    """Return a panel per suite for rows in percent, and one per suite and metric for those without."""
    panels = []
    for suite, rows in summary.rows.groupby("suite", sort=False):
        rows = rows.assign(name=_names(rows))
        known = rows["gain_pct"].notna()
        if known.any() or rows["diff"].isna().all():
            columns = ("gain_pct", "ci_low", "ci_high")
            shown = rows[known | rows["diff"].isna()]
            panels.append(_Panel(str(suite), "gain in %", shown, columns, summary.settings.margin))
        for metric, some in rows[~known & rows["diff"].notna()].groupby("metric", sort=False):
            columns = ("diff", "diff_low", "diff_high")
            panels.append(_Panel(str(suite), f"gain in {metric}", some, columns, 0.0))
    return panels


def _names(rows: pd.DataFrame) -> pd.Series:
    names = names_of(rows)
    if names.empty or not len(names.columns):
        return rows["mitigation"]
    return names.agg("  ".join, axis=1)


def _slots(panel: _Panel) -> float:
    """Return the height of a panel in lines: its rows, and a heading per task."""
    return len(panel.rows) + 1.15 * panel.rows["task"].nunique()


def _draw_panel(axes: Axes, panel: _Panel) -> None:
    height = _slots(panel)
    axes.set_ylim(height, 0)
    axes.set_xlim(*_limits(panel))
    axes.axvspan(axes.get_xlim()[0], 0, color=_HARM, lw=0, zorder=0)
    if panel.margin:
        axes.axvspan(-panel.margin, panel.margin, color=PALE, alpha=0.55, lw=0, zorder=1)
    axes.axvline(0, color=INK, lw=0.8, zorder=2)
    transform = axes.get_yaxis_transform()
    y = 0.0
    for task, rows in panel.rows.groupby("task", sort=False):
        axes.text(-0.52, y + 0.75, str(task), transform=transform, weight="bold", color=INK, va="center")
        y += 1.15
        for row in rows.itertuples():
            _draw_row(axes, panel, row, y + 0.5)
            y += 1
    axes.set_title(panel.title, loc="left", x=-0.52, weight="bold", fontsize=11, color=INK, pad=20)
    zero = axes.transLimits.transform((0, 0))[0]
    for x, side, text in ((zero - 0.012, "right", "sharing hurts"), (zero + 0.012, "left", "sharing helps")):
        axes.text(x, 1, text, transform=axes.transAxes, ha=side, va="bottom", color=FAINT, fontsize=8)
    axes.set_xlabel(panel.unit, color=FAINT, fontsize=8, labelpad=2)
    axes.set_yticks([])
    axes.tick_params(axis="x", colors=FAINT, labelsize=8, length=3)
    keep_spines(axes, "bottom")
    axes.spines["bottom"].set_color(FAINT)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"


def _draw_row(axes: Axes, panel: _Panel, row: Any, y: float) -> None:
    value, low, high = (getattr(row, name) for name in panel.columns)
    marker, colour = _LOOKS[row.verdict]
    open_ = row.verdict == "inconclusive"
    transform = axes.get_yaxis_transform()
    axes.text(-0.50, y, _short(row.name), transform=transform, color=INK, va="center", fontsize=8.5)
    short = words.UNICODE.unconverged if words.plain(row.converged) is False else ""
    text = words.gain(row) + (words.SMALL if row.small else "") + short
    axes.text(1.02, y, text, transform=transform, color=colour, va="center", fontsize=8)
    if np.isfinite(low):
        axes.plot([low, high], [y, y], color=colour, lw=1.6, zorder=3, solid_capstyle="butt")
    if np.isfinite(value):
        face = "white" if open_ else colour
        axes.plot([value], [y], marker, ms=6, mfc=face, mec=colour, mew=1.4, zorder=4)


def _limits(panel: _Panel) -> tuple[float, float]:
    """Return the range of the axis: every interval, both sides of zero, and the margin."""
    values = panel.rows[list(panel.columns)].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    low, high = min([0.0, *values]), max([0.0, *values])
    reach = max(panel.margin * 1.25, 0.15 * (high - low)) or 1.0  # any range where all are 0, in any unit
    pad = 0.04 * (high - low)
    return min(low - pad, -reach), max(high + pad, reach)


def _reading(summary: Summary) -> str:
    short = f"{words.UNICODE.unconverged}: not converged" if unconverged(summary.rows).any() else ""
    parts = ["mean with 95 % interval", short, tuning_warning(summary.rows)]
    return "   ".join(filter(None, parts))


def _legend_title(summary: Summary) -> str:
    scope = wrapped(about(summary.rows), 0.96 * _WIDTH_IN, 8)
    return "\n".join(filter(None, [scope, _reading(summary)]))


def _draw_legend(figure: Figure, summary: Summary, total: float, title: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for word, (marker, colour) in _LOOKS.items():
        face = "white" if word == "inconclusive" else colour
        handles.append(
            Line2D([], [], color=colour, marker=marker, mfc=face, mew=1.4, ms=6, lw=1.6, label=word)
        )
    margin = summary.settings.margin
    small = "  (*: significant, but smaller)" if summary.rows["small"].any() else ""
    handles.append(Patch(color=PALE, alpha=0.55, lw=0, label=f"margin of {margin:g} %{small}"))
    figure.legend(
        handles=handles,
        loc="lower center",
        ncols=len(handles),
        frameon=False,
        fontsize=8,
        handlelength=1.8,
        columnspacing=1.6,
        bbox_to_anchor=(0.5, 0.06 / total),
        title=title,
        title_fontsize=8,
    )
