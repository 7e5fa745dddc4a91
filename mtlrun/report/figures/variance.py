"""The picture of the variance of gains: a bar for each row, divided by where its error comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.variance import NOTE, SHARES, by_task
from mtlrun.report.figures.drawing import PAGE_IN, Canvas, picture, refuse_empty, shortened
from mtlrun.report.figures.style import INK, PALE, colours
from mtlrun.report.text.captions import caption
from mtlrun.report.text.labels import row_names
from mtlrun.report.text.number_format import needed

if TYPE_CHECKING:
    from mtlrun.report.figures.drawing import Drawn, Given

_LINE_IN, _LEAST_LINE_IN, _REST_IN, _LONGEST = 0.2, 0.125, 0.75, 46


@picture
def draw_variance(summary: Summary, ax: Given, size: str) -> Drawn:
    """Draw bars of equal length, one for each row, with the seeds or examples beside those that are undecided.

    Args:
        summary: whose rows are drawn.
        ax: axes to draw in; by default a figure is made.
        size: its width, a key of `SIZES`.

    Raises:
        ConfigError: no row has two seeds yet.
    """
    rows = by_task(summary.rows[summary.rows[list(SHARES)].notna().any(axis=1)])
    refuse_empty(summary.rows["diff"])
    if rows.empty:
        raise ConfigError(
            ["nothing to draw: no gain rests on two seeds yet, so nothing is known of its variance"]
        )
    line_in = max(_LEAST_LINE_IN, min(_LINE_IN, (PAGE_IN - 1.4) / len(rows)))
    points = min(7.0, 50 * line_in)
    canvas = Canvas(["variance"], ax, size, _REST_IN + line_in * len(rows))
    axes = canvas.axes[0]
    begin, places = np.zeros(len(rows)), np.arange(len(rows))
    cycle = colours()
    paint = dict(zip(SHARES, (cycle[0], cycle[1], PALE, cycle[2]), strict=True))
    for name, label in SHARES.items():
        part = rows[name].fillna(0.0).to_numpy(dtype=float)
        if part.any():
            axes.barh(places, part, left=begin, color=paint[name], height=0.72, label=label)
        begin += part
    for place, row in enumerate(rows.itertuples()):
        axes.text(1.01, place, _told(row), va="center", fontsize=points, color=INK)
    axes.set_yticks(places, [shortened(name, _LONGEST) for name in row_names(rows)], fontsize=points)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
    axes.set_xlabel(NOTE)
    axes.set_title(f"Where the error of each gain comes from: {summary.study}")
    axes.spines["left"].set_visible(False)
    handles = axes.get_legend_handles_labels()[0]
    return canvas.done(caption(rows, "Shares of the variance of each mean gain"), handles=handles)


def _told(row: Any) -> str:
    wanted = needed(row)
    return str(row.verdict) if wanted == "-" else f"{row.verdict}: {wanted}"
