"""Gradient cosines of pairs of tasks, and the weights of tasks, over training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.bands import mean_band
from mtlrun.report.analysis.training.diagnostics import COSINES, QUANTITIES, WEIGHTS
from mtlrun.report.figures.drawing import Canvas, picture, refuse_many
from mtlrun.report.figures.style import HARM, INK, looks
from mtlrun.report.levels import SIZES
from mtlrun.report.text.captions import seeds_of
from mtlrun.report.text.labels import row_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mtlrun.report.figures.drawing import Drawn, Given

_HEIGHT_IN, _PANEL_IN = 1.65, 2.3
_AXIS = {COSINES: "cosine of gradients", WEIGHTS: "weight"}


@picture
def draw_diagnostics(summary: Summary, ax: Given, size: str, quantity: str | None = None) -> Drawn:
    """Draw what was recorded of training: mean over seeds with its 95 % band, a panel for each cell and quantity.

    Gradients conflict where a cosine is below 0, which is shaded. Panels of cosines have one axis; weights are on the
    scale of each strategy.

    Args:
        summary: whose runs are drawn.
        ax: axes to draw in, one for each panel; by default a figure is made.
        size: its width, a key of `SIZES`.
        quantity: `gradient_cosines` or `weights`; by default both.

    Raises:
        ConfigError: there is no such quantity, nothing of it, or more panels than a page holds.
    """
    if quantity not in (None, *QUANTITIES):
        raise ConfigError([Fault("quantity", "must name what was recorded", quantity, list(QUANTITIES))])
    found = summary.diagnostics
    found = found[found["quantity"].isin(QUANTITIES if quantity is None else [quantity])]
    if found.empty:
        raise ConfigError(["nothing to draw: no run has recorded gradients or weights of several tasks"])
    found = found.assign(line=_lines(found))
    cells = found.drop_duplicates("cell_id")
    named = dict(zip(cells["cell_id"], row_names(cells.assign(task=""), tasks=False), strict=True))
    panels = {
        (str(cell_id), str(name)): part
        for (cell_id, name), part in found.groupby(["cell_id", "quantity"], sort=False)
    }
    keys = sorted(panels, key=lambda key: (list(named).index(key[0]), QUANTITIES.index(key[1])))
    across = int(SIZES[size] / _PANEL_IN) if quantity else max(1, int(SIZES[size] / _PANEL_IN) // 2 * 2)
    refuse_many(len(keys), across, "cell and quantity")
    names = [f"{named[cell_id]} {name}" for cell_id, name in keys]
    canvas = Canvas(names, ax, size, _HEIGHT_IN, across)
    styles = {name: line_styles(found[found["quantity"] == name]) for name in QUANTITIES}
    bands = {key: mean_band(panels[key], ["line", "step"]) for key in keys}
    reach = reach_of([band for (_, name), band in bands.items() if name == COSINES])
    for axes, key in zip(canvas.axes, keys, strict=True):
        if key[1] == COSINES:
            cosine_axis(axes, reach)
        draw_band(axes, bands[key], styles[key[1]])
        if key[1] == WEIGHTS:
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        canvas.title(axes, named[key[0]])
        axes.set_ylabel(_AXIS[key[1]])
        axes.set_xlabel("step")
    rows = summary.rows[summary.rows["cell_id"].isin(set(cells["cell_id"]))]
    shows = (
        "Mean over seeds with 95 % band, at the last step before each evaluation; shaded: gradients conflict"
    )
    return canvas.done(f"{shows}; {seeds_of(rows)}.", handles=_handles(styles))


def _lines(found: pd.DataFrame) -> list[str]:
    """Return what each value is of: a task, a pair, or all pairs."""
    named = zip(found["task"], found["partner"], strict=True)
    return [
        f"{task}, {partner}"
        if isinstance(partner, str)
        else str(task)
        if isinstance(task, str)
        else "all pairs"
        for task, partner in named
    ]


def line_styles(found: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the look of each line of a picture, by the name in the column `line`."""
    lines = list(dict.fromkeys(found["line"]))
    return {name: {**style, "marker": ""} for name, style in zip(lines, looks(len(lines)), strict=True)}


def reach_of(bands: Sequence[pd.DataFrame]) -> float:
    """Return how far the axis of cosines goes to both sides, so that every band is seen."""
    ends = [np.abs(band[["mean", "low", "high"]].to_numpy(dtype=float)) for band in bands]
    return min(1.0, max(0.2, 1.1 * max((float(np.nanmax(end)) for end in ends), default=1.0)))


def cosine_axis(axes: Axes, reach: float) -> None:
    """Give axes the range of cosines, shaded where gradients conflict."""
    axes.set_ylim(-reach, reach)
    axes.axhspan(-reach, 0, color=HARM, lw=0, zorder=0)
    axes.axhline(0, color=INK, lw=0.8, zorder=1)


def draw_band(axes: Axes, band: pd.DataFrame, styles: dict[str, dict[str, Any]]) -> None:
    """Draw the mean of each line with its band, in the look of its name."""
    for name, mine in band.groupby("line", sort=False):
        at = mine.sort_values("step")
        style = styles[str(name)]
        axes.fill_between(at["step"], at["low"], at["high"], color=style["color"], alpha=0.18, lw=0)
        axes.plot(at["step"], at["mean"], **style)


def cosine_handles(styles: dict[str, dict[str, Any]]) -> list[Any]:
    """Return the entries of a legend of cosines."""
    return _handles({COSINES: styles})


def _handles(styles: dict[str, dict[str, dict[str, Any]]]) -> list[Any]:
    from matplotlib.lines import Line2D

    told = {COSINES: "cosine", WEIGHTS: "weight"}
    return [
        Line2D([], [], label=f"{told[quantity]}: {name}", **style)
        for quantity, lines in styles.items()
        for name, style in lines.items()
    ]
