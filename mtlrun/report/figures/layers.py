"""Gradient cosines by layer: a small picture for each cell and layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.bands import mean_band
from mtlrun.report.analysis.training.layers import COSINE, layer_table
from mtlrun.report.figures.diagnostics import cosine_axis, cosine_handles, draw_band, line_styles, reach_of
from mtlrun.report.figures.drawing import Canvas, picture, refuse_many
from mtlrun.report.levels import SIZES
from mtlrun.report.text.captions import seeds_of
from mtlrun.report.text.labels import row_names

if TYPE_CHECKING:
    from mtlrun.report.figures.drawing import Drawn, Given

_HEIGHT_IN, _PANEL_IN = 1.65, 2.3
EVERY = "all"
"""In place of a layer's name: a panel for each."""


@picture
def draw_layers(summary: Summary, ax: Given, size: str, layer: str = EVERY) -> Drawn:
    """Draw cosines of the tasks' gradients of each layer: mean over seeds with 95 % band, a panel a cell and layer.

    All panels have one axis; below 0, where it is shaded, the gradients conflict.

    Args:
        summary: whose runs are drawn.
        ax: axes to draw in, one for each panel; by default a figure is made.
        size: its width, a key of `SIZES`.
        layer: the name of a layer, as `layer 1`; `all` for every one.

    Raises:
        ConfigError: nothing was recorded, there is no such layer, or there are more panels than a page holds.
    """
    found = layer_table(summary)
    if found.empty:
        raise ConfigError(["nothing to draw: no run has recorded gradients by layer"])
    layers = list(dict.fromkeys(found["layer"]))
    if layer not in (EVERY, *layers):
        raise ConfigError([Fault("layer", "must name a layer that was recorded", layer, [EVERY, *layers])])
    found = found if layer == EVERY else found[found["layer"] == layer]
    found = found.assign(value=found[COSINE], line=found["task"] + ", " + found["partner"])
    cells = found.drop_duplicates("cell_id")
    named = dict(zip(cells["cell_id"], row_names(cells.assign(task=""), tasks=False), strict=True))
    panels = {
        (str(cell), str(name)): part for (cell, name), part in found.groupby(["cell_id", "layer"], sort=False)
    }
    across, count = int(SIZES[size] / _PANEL_IN), found["layer"].nunique()
    across = across // count * count or across  # whole cells side by side, where they have room
    refuse_many(len(panels), across, "cell and layer")
    names = [f"{named[cell]}  {name}" for cell, name in panels]
    canvas = Canvas(names, ax, size, _HEIGHT_IN, across)
    styles, bands = line_styles(found), [mean_band(part, ["line", "step"]) for part in panels.values()]
    reach = reach_of(bands)
    for axes, name, band in zip(canvas.axes, names, bands, strict=True):
        cosine_axis(axes, reach)
        draw_band(axes, band, styles)
        canvas.title(axes, name)
        axes.set_ylabel("cosine of gradients")
        axes.set_xlabel("step")
    rows = summary.rows[summary.rows["cell_id"].isin(set(cells["cell_id"]))]
    shows = "Gradients of each layer: mean over seeds with 95 % band, at recorded steps; shaded: gradients conflict"
    return canvas.done(f"{shows}; {seeds_of(rows)}.", handles=cosine_handles(styles))
