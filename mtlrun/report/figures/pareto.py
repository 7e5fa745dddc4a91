"""The picture of a front: gains of one task against those of the other, points of the grid and mitigations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.drawing import Canvas, picture
from mtlrun.report.figures.style import FAINT, INK, MARKERS, colours
from mtlrun.report.levels import SIZES
from mtlrun.report.text.captions import caption
from mtlrun.report.text.labels import cell_names
from mtlrun.text.pluralize import pluralize

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.patheffects import AbstractPathEffect

    from mtlrun.report.figures.drawing import Drawn, Given

_WIDTH_IN, _HEIGHT_IN = 4.5, 3.1
_REACH = 3
"""The picture goes so many times as far down as the worst interval of a mitigation, or the margin."""

_COLUMNS = ("gain_pct", "ci_low", "ci_high")


@picture
def draw_fronts(summary: Summary, ax: Given, size: str) -> Drawn:
    """Draw gains of one task against those of the other, a panel for each front of two tasks.

    Args:
        summary: whose fronts are drawn.
        ax: axes to draw in, one for each panel; by default a figure is made.
        size: its width, a key of `SIZES`.

    Raises:
        ConfigError: there is no front of two tasks whose gains are percentages.
    """
    compared = summary.front_gains
    fronts = [part for _, part in compared.groupby("front", sort=False) if _drawable(part)]
    if not fronts:
        raise ConfigError(["a front is drawn for two tasks with gains in percent; --format md has the table"])
    names = ["  ".join(str(part[name].iloc[0]) for name in ("suite", "sharing")) for part in fronts]
    canvas = Canvas(names, ax, size, _HEIGHT_IN, int(SIZES[size] / _WIDTH_IN))
    for axes, part, name in zip(canvas.axes, fronts, names, strict=True):
        _draw(axes, part, summary.settings.margin)
        canvas.title(axes, name)
    return canvas.done(caption(summary.rows, "Mean gains, with 95 % intervals of what is compared"))


def _drawable(compared: pd.DataFrame) -> bool:
    points = compared[compared["on_front"].notna()]
    return bool(points["task"].nunique() == 2 and points["gain_pct"].notna().all())


def _draw(axes: Axes, compared: pd.DataFrame, margin: float) -> None:
    is_point = compared["on_front"].notna()
    points, rows = compared[is_point], compared[~is_point]
    tasks = list(dict.fromkeys(points["task"]))
    for line in (axes.axhline, axes.axvline):
        line(0, color=INK, linewidth=0.8, zorder=1)
    _draw_points(axes, points, tasks)
    names = dict(zip(rows["cell_id"], cell_names(rows), strict=True)) if len(rows) else {}
    for number, (cell_id, part) in enumerate(rows.groupby("cell_id", sort=False)):
        gains = part.set_index("task").loc[tasks, list(_COLUMNS)].to_numpy(dtype=float)
        _draw_cross(axes, gains, names[cell_id], number)
    _zoom(axes, points, rows, tasks, margin)
    axes.set_xlabel(f"{tasks[0]}: gain, % of STL")
    axes.set_ylabel(f"{tasks[1]}: gain, % of STL")
    axes.legend(fontsize=6.5, loc="upper left", bbox_to_anchor=(1, 1))


def _zoom(axes: Axes, points: pd.DataFrame, rows: pd.DataFrame, tasks: list[str], margin: float) -> None:
    """Leave out points far below all mitigations, as those that hardly train a task, and say how many."""
    gains = points.pivot(index="cell_id", columns="task", values="gain_pct")[tasks]
    at = gains.to_numpy(dtype=float)
    reach = rows.groupby("task")[list(_COLUMNS)].agg(["min", "max"]).reindex(tasks)
    floor = _REACH * np.minimum(reach.min(axis=1).fillna(0.0).to_numpy(dtype=float), -margin)
    floor = np.minimum(floor, at[at.min(axis=1).argmax()])  # one point is always seen
    outside = int((at < floor).any(axis=1).sum())
    if rows.empty or not outside:
        return
    top = np.maximum(at.max(axis=0), reach.max(axis=1).fillna(0.0).to_numpy(dtype=float))
    top = np.maximum(top, 0.0)
    top += 0.08 * (top - floor)
    axes.set_xlim(floor[0], top[0])
    axes.set_ylim(floor[1], top[1])
    below, left = (bool((at[:, side] < floor[side]).any()) for side in (1, 0))
    where = " or ".join(word for word, there in (("down", below), ("to the left", left)) if there)
    text = f"{pluralize(outside, 'point of the grid lies', 'points of the grid lie')} farther {where}"
    axes.text(0.02, 0.02, text, transform=axes.transAxes, fontsize=6.5, color=FAINT, path_effects=_halo())


def _draw_points(axes: Axes, points: pd.DataFrame, tasks: list[str]) -> None:
    """Draw a grid, filled where a point is on the front, these joined in the order of the grid."""
    each = points.drop_duplicates("cell_id")
    best = each["on_front"].to_numpy(dtype=bool)
    gains = points.pivot(index="cell_id", columns="task", values="gain_pct").loc[each["cell_id"], tasks]
    at = gains.to_numpy(dtype=float)
    name = f"fixed weights, on the front\n({', '.join(tasks)})"
    axes.plot(*at[best].T, color=FAINT, linewidth=1.2, zorder=2)
    axes.plot(*at[best].T, "o", color=FAINT, markersize=3.5, zorder=3, label=name)
    if not best.all():
        axes.plot(
            *at[~best].T,
            "o",
            markerfacecolor="white",
            color=FAINT,
            markersize=3.5,
            zorder=3,
            label="behind it",
        )
    for place, values in zip(at, each["weights"], strict=True):
        text = ", ".join(f"{value:.3g}" for value in values)
        axes.annotate(
            text,
            place,
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=6,
            color=FAINT,
            annotation_clip=True,
            path_effects=_halo(),
            zorder=5,
        )


def _halo() -> list[AbstractPathEffect]:
    """Return what keeps lines from striking through a text."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2, foreground="white")]


def _draw_cross(axes: Axes, gains: np.ndarray, name: str, number: int) -> None:
    """Draw one setting with its 95 % intervals: gains (2, 3) have value, low and high of both tasks."""
    value, low, high = gains.T
    cycle = colours()
    colour = cycle[number % len(cycle)]
    spread = np.abs(np.stack([value - low, high - value], axis=1))
    axes.errorbar(
        value[:1],
        value[1:],
        xerr=spread[:1].T,
        yerr=spread[1:].T,
        fmt=MARKERS[number % len(MARKERS)],
        color=colour,
        elinewidth=0.9,
        capsize=2,
        markersize=4,
        zorder=4,
        label=name,
    )
