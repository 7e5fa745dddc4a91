"""A picture of paths over the landscape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as File

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.landscape.descend import Path
from experiments.landscape.problem import REACHED, gap, losses, pareto_set

SHOWN = ("equal", "pcgrad", "mgda", "cagrad", "nash_mtl", "imtl_g", "fairgrad", "famo")


def draw(paths: Sequence[Path], file: File) -> None:
    """Write an SVG with a panel for each of `SHOWN`: contours of the sum of losses, paths, the Pareto set."""
    by_name = {path.method: path for path in paths}
    figure = Figure(figsize=(13, 7), layout="constrained")
    axes = figure.subplots(2, 4, sharex=True, sharey=True)
    for name, panel in zip(SHOWN, axes.flat, strict=True):
        _panel(panel, name, by_name[name].points)
    figure.suptitle(
        f"Paths from dots to ends: a triangle has reached the Pareto set (thick), gap <= {REACHED}"
    )
    with matplotlib.rc_context({"svg.hashsalt": "landscape", "svg.fonttype": "none"}):
        figure.savefig(file, metadata={"Date": None})


def _panel(panel: Axes, name: str, points: np.ndarray) -> None:
    x, y = np.meshgrid(np.linspace(-11, 11, 90), np.linspace(-11, 11, 90))
    total = losses(torch.from_numpy(np.stack([x, y], -1))).sum(-1).numpy()
    panel.contour(x, y, total, levels=14, cmap="Greys", linewidths=0.5)
    panel.plot(*pareto_set(57).T, color="tab:green", linewidth=4, alpha=0.6)
    for path, reached in zip(points, gap(points[:, -1]) <= REACHED, strict=True):
        colour = "tab:blue" if reached else "tab:red"
        panel.plot(*path.T, color=colour, linewidth=1)
        panel.plot(*path[0], "o", color="black", markersize=4)
        panel.plot(*path[-1], "^" if reached else "X", color=colour, markersize=7)
    panel.set_title(name)
