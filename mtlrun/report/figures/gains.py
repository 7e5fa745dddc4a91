"""The forest plot: gains with their intervals, the harmful side shaded. Verdicts differ by colour and by shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.tuning import tuning_warning
from mtlrun.report.figures.drawing import (
    Canvas,
    finish,
    letters_in,
    new_figure,
    picture,
    refuse_empty,
    shortened,
)
from mtlrun.report.figures.forest_layout import (
    Panel,
    Plan,
    Segment,
    height_in,
    panels_of,
    plan_columns,
    rows_in,
)
from mtlrun.report.figures.style import FAINT, GAIN, HARM, INK, LOSS, PALE, SAME
from mtlrun.report.levels import SIZES
from mtlrun.report.text import number_format as words
from mtlrun.report.text.advice import unconverged
from mtlrun.report.text.captions import caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtlrun.report.figures.drawing import Drawn, Given

LOOKS = {
    "negative": ("v", LOSS),
    "positive": ("^", GAIN),
    "neutral": ("s", SAME),
    "inconclusive": ("o", FAINT),
}
"""Marker and colour by verdict; the colours differ for colour-blind readers too."""

_WIDE_AXES_IN = 2.1
"""From this width on, both sides of an axis are labelled in whole words."""


@picture
def draw_gains(summary: Summary, ax: Given, size: str) -> Drawn:
    """Draw a row for each task and cell: its mean gain with the 95 % interval.

    Panels are suites; metrics without percentages have panels of their own. Where rows are many they are set closer,
    then in columns, then without their numbers, so that a figure stays within a page.

    Args:
        summary: whose rows are drawn.
        ax: axes to draw in, one for each panel; by default a figure is made.
        size: its width, a key of `SIZES`.

    Raises:
        ConfigError: there is no gain yet.
    """
    refuse_empty(summary.rows["diff"])
    panels = panels_of(summary)
    if ax is None:
        return _own_figure(summary, panels, size)
    canvas = Canvas([panel.title for panel in panels], ax, size, 1.0)
    for axes, panel in zip(canvas.axes, panels, strict=True):
        plan = plan_columns([panel], SIZES[size], 1)
        _draw_segments(axes, [part for column in plan.columns for part in column], plan, first=True)
    seen = set(summary.rows["verdict"])  # a legend within axes is kept small
    return canvas.done(handles=[handle for handle in _handles(summary) if handle.get_label() in seen])


def _own_figure(summary: Summary, panels: Sequence[Panel], size: str) -> Figure:
    width_in = SIZES[size]
    plan = plan_columns(panels, width_in)
    groups = [_by_panel(column) for column in plan.columns]
    heights = [height_in(column, plan.pitch_in) for column in plan.columns]
    figure = new_figure(width_in, max(heights))
    columns = figure.add_gridspec(1, len(groups), wspace=0.02)
    seen: set[int] = set()
    for place, (column, height) in enumerate(zip(groups, heights, strict=True)):
        rest = (max(heights) - height) / plan.pitch_in
        ratios = [*(rows_in(parts) for parts in column), *([rest] if rest > 1e-6 else [])]
        grid = columns[place].subgridspec(len(ratios), 1, height_ratios=ratios)
        for line, parts in enumerate(column):
            first = id(parts[0].panel) not in seen
            seen.add(id(parts[0].panel))
            _draw_segments(figure.add_subplot(grid[line]), parts, plan, first)
    finish(figure, _caption(summary), "", _handles(summary))
    return figure


def _by_panel(column: Sequence[Segment]) -> list[list[Segment]]:
    found: list[list[Segment]] = []
    for part in column:
        if found and found[-1][0].panel is part.panel:
            found[-1].append(part)
        else:
            found.append([part])
    return found


def _draw_segments(axes: Axes, parts: Sequence[Segment], plan: Plan, first: bool) -> None:
    """Draw the parts of one panel that stand in one column."""
    from matplotlib.ticker import MaxNLocator

    panel, height = parts[0].panel, rows_in(parts)
    axes.set_ylim(height, 0)
    axes.set_xlim(*limits(panel))
    axes.axvspan(axes.get_xlim()[0], 0, color=HARM, lw=0, zorder=0)
    if panel.margin:
        axes.axvspan(-panel.margin, panel.margin, color=PALE, alpha=0.55, lw=0, zorder=1)
    axes.axvline(0, color=INK, lw=0.8, zorder=2)
    places, names, y = [], [], 0.0
    points = plan.points
    for part in parts:
        more = "" if part.first else " (continued)"
        if part.head:
            places.append(y + 0.6)
            names.append(part.task + more)
            y += part.head
        for row in part.rows.itertuples():
            places.append(y + 0.5)
            names.append("  " + shortened(str(row.name), plan.letters))
            _draw_row(axes, panel, row, y + 0.5, plan)
            y += 1
    axes.set_yticks(places, names, fontsize=points, ha="left")
    axes.tick_params(axis="y", length=0, pad=plan.label_in * 72)
    for label in axes.get_yticklabels():
        label.set_fontweight("normal" if label.get_text().startswith("  ") else "bold")
    _tell_sides(axes, plan)
    title = panel.title if first else f"{panel.title} (continued)"
    place: dict[str, Any] = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (-72 * plan.label_in, 13)}
    axes.annotate(title, textcoords="offset points", weight="bold", fontsize=8, **place)
    narrow = plan.axes_in < letters_in(len(panel.unit), 7)
    axes.set_xlabel(panel.unit.replace(", ", ",\n") if narrow else panel.unit, labelpad=2)
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(2.6 * plan.axes_in)), steps=[1, 2, 5, 10]))
    axes.spines["left"].set_visible(False)


def _tell_sides(axes: Axes, plan: Plan) -> None:
    """Say at both ends of an axis what lies there."""
    hurts, helps = ("sharing hurts", "sharing helps") if plan.axes_in >= _WIDE_AXES_IN else ("hurts", "helps")
    for x, side, text in ((0, "left", f"← {hurts}"), (1, "right", f"{helps} →")):
        axes.text(x, 1.0, text, transform=axes.transAxes, ha=side, va="bottom", color=FAINT, fontsize=6.5)


def _draw_row(axes: Axes, panel: Panel, row: Any, y: float, plan: Plan) -> None:
    value, low, high = (getattr(row, name) for name in panel.columns)
    marker, colour = LOOKS[row.verdict]
    if plan.numbers:
        short = words.UNICODE.unconverged if words.plain(row.converged) is False else ""
        text = words.gain(row) + (words.SMALL if row.small else "") + short
        transform = axes.get_yaxis_transform()
        axes.text(1.02, y, text, transform=transform, color=colour, va="center", fontsize=plan.points - 0.5)
    cap = min(4.0, 40 * plan.pitch_in / 2)
    if np.isfinite(low):
        axes.plot([low, high], [y, y], color=colour, lw=1.2, zorder=3, marker="|", ms=cap, mew=1.2)
    if np.isfinite(value):
        face = "white" if row.verdict == "inconclusive" else colour
        axes.plot([value], [y], marker, ms=4.2, mfc=face, mec=colour, mew=1.1, zorder=4)


def limits(panel: Panel) -> tuple[float, float]:
    """Return the range of the axis: every interval, both sides of zero, and the margin."""
    values = panel.rows[list(panel.columns)].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    low, high = min([0.0, *values]), max([0.0, *values])
    reach = max(panel.margin * 1.25, 0.15 * (high - low)) or 1.0  # any range where all are 0, in any unit
    pad = 0.04 * (high - low)
    return min(low - pad, -reach), max(high + pad, reach)


def _caption(summary: Summary) -> str:
    rows = summary.rows
    short = f"{words.UNICODE.unconverged}: not converged." if unconverged(rows).any() else ""
    parts = [caption(rows, "Mean gain with 95 % interval"), short, tuning_warning(rows)]
    return " ".join(filter(None, parts))


def _handles(summary: Summary) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for word, (marker, colour) in LOOKS.items():
        face = "white" if word == "inconclusive" else colour
        look: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "mfc": face,
            "mew": 1.1,
            "ms": 4.2,
            "lw": 1.2,
        }
        handles.append(Line2D([], [], label=word, **look))
    small = " (*: significant, but smaller)" if summary.rows["small"].any() else ""
    margin = f"margin of {summary.settings.margin:g} %{small}"
    return [*handles, Patch(color=PALE, alpha=0.55, lw=0, label=margin)]
