"""Learning curves: a task alone and with the others, over seeds, with the checkpoints that were selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.curves import primary_curves
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.bands import mean_band
from mtlrun.report.figures.drawing import Canvas, picture, refuse_many
from mtlrun.report.figures.style import FAINT, INK, SAME
from mtlrun.report.levels import SIZES
from mtlrun.report.text.captions import caption
from mtlrun.report.text.labels import row_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mtlrun.report.figures.drawing import Drawn, Given

_HEIGHT_IN, _PANEL_IN = 1.65, 2.3
_SIDES = {"stl": ("STL", FAINT, "stl_step"), "mtl": ("MTL", SAME, "step")}
"""By side its name, its colour, and the column of its selected step."""


@picture
def draw_curves(summary: Summary, ax: Given, size: str) -> Drawn:
    """Draw the primary metric over training: mean over seeds with its 95 % band, a panel for each task and cell.

    Validation is a line with a band, test is dashed. Circles are selected checkpoints, on the validation curve; their
    area is the share of seeds. Panels of one task have one axis.

    Args:
        summary: whose runs are drawn.
        ax: axes to draw in, one for each panel; by default a figure is made.
        size: its width, a key of `SIZES`.

    Raises:
        ConfigError: no run is there, or there are more panels than a page holds.
    """
    rows = summary.rows[summary.rows["n_seeds"] + summary.rows["n_diverged"] > 0]
    if rows.empty:
        raise ConfigError(["nothing to draw: no run of this study has finished yet"])
    across = int(SIZES[size] / _PANEL_IN)
    refuse_many(len(rows), across, "task and cell")
    rows = rows.iloc[rows.groupby(["suite", "task"], sort=False).ngroup().argsort(kind="stable")]
    names = row_names(rows)
    values = primary_curves(summary, ("val", "test"))
    points = mean_band(values, ["suite", "cell_id", "task", "side", "split", "step"])
    canvas = Canvas(names, ax, size, _HEIGHT_IN, across)
    records: list[Any] = list(rows.itertuples())
    for axes, row, name in zip(canvas.axes, records, names, strict=True):
        of_task = points[(points["suite"] == row.suite) & (points["task"] == row.task)]
        mine = of_task[of_task["cell_id"] == row.cell_id]
        _draw_panel(axes, mine, _selected(summary.pairs, row))
        _share_axis(axes, of_task)
        canvas.title(axes, name)
        axes.set_ylabel(row.metric)
    for axes in canvas.axes[-across:]:
        axes.set_xlabel("step")
    title = f"Learning curves: {rows['suite'].iloc[0]}" if rows["suite"].nunique() == 1 else "Learning curves"
    shows = "Mean over seeds with 95 % band on validation; dashed: test"
    return canvas.done(caption(rows, shows, verdicts=False), title, _handles())


def _selected(pairs: pd.DataFrame, row: Any) -> dict[str, pd.Series]:
    """Return by side the share of seeds whose checkpoint is at each step."""
    mine = pairs[(pairs["cell_id"] == row.cell_id) & (pairs["task"] == row.task)]
    return {
        side: mine[column].dropna().value_counts(normalize=True) for side, (_, _, column) in _SIDES.items()
    }


def _draw_panel(axes: Axes, points: pd.DataFrame, selected: dict[str, pd.Series]) -> None:
    for side, (_, colour, _) in _SIDES.items():
        mine = points[points["side"] == side].sort_values("step")
        val, test = (mine[mine["split"] == split] for split in ("val", "test"))
        axes.fill_between(val["step"], val["low"], val["high"], color=colour, alpha=0.2, lw=0)
        axes.plot(val["step"], val["mean"], color=colour)
        axes.plot(test["step"], test["mean"], color=colour, lw=0.8, ls="--", alpha=0.8)
        at = val.set_index("step")["mean"]
        shares = selected[side][selected[side].index.isin(at.index)]
        sizes = 36 * shares.to_numpy()
        look: dict[str, Any] = {"facecolor": "white", "edgecolor": colour, "linewidth": 0.9, "zorder": 4}
        axes.scatter(shares.index, at[shares.index], s=sizes, **look)


def _share_axis(axes: Axes, of_task: pd.DataFrame) -> None:
    """Give all panels of a task one axis: that of its means, since bands of few seeds may be wide."""
    low, high = float(of_task["mean"].min()), float(of_task["mean"].max())
    pad = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    if np.isfinite(low) and np.isfinite(high):
        axes.set_ylim(low - pad, high + pad)


def _handles() -> list[Any]:
    from matplotlib.lines import Line2D

    sides = [Line2D([], [], color=colour, label=name) for name, colour, _ in _SIDES.values()]
    dashed = Line2D([], [], color=INK, ls="--", lw=0.8, label="test")
    ring = Line2D(
        [], [], color=INK, ls="", marker="o", mfc="white", label="selected checkpoint (area: share of seeds)"
    )
    return [*sides, dashed, ring]
