"""The picture of an attribution: from the baseline step by step to the gain, one small picture per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.attribution import SHARING, WHOLE
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.drawing import Canvas, picture, refuse_empty
from mtlrun.report.figures.style import FAINT, GAIN, INK, LOSS
from mtlrun.report.levels import SIZES
from mtlrun.report.text.captions import caption
from mtlrun.report.text.labels import row_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mtlrun.report.figures.drawing import Drawn, Given

_PANEL_IN, _HEIGHT_IN = 2.3, 2.2


@picture
def draw_waterfalls(summary: Summary, ax: Given, size: str) -> Drawn:
    """Draw the parts of each gain that has controls, a panel for each row; those of a suite have one axis.

    Args:
        summary: whose attribution is drawn.
        ax: axes to draw in, one for each panel; by default a figure is made.
        size: its width, a key of `SIZES`.

    Raises:
        ConfigError: there is no gain yet.
    """
    found = summary.attribution
    refuse_empty(found["diff"])
    whole = found[found["part"] == WHOLE]
    names = row_names(whole)
    one = str(whole["suite"].iloc[0]) if whole["suite"].nunique() == 1 else ""
    canvas = Canvas(names, ax, size, _HEIGHT_IN, int(SIZES[size] / _PANEL_IN))
    drawn: dict[tuple[str, str], list[Axes]] = {}
    groups = dict(list(found.groupby(["cell_id", "task"], sort=False)))
    records: list[Any] = list(whole.itertuples())
    for axes, row, name in zip(canvas.axes, records, names, strict=True):
        unit = _draw(axes, groups[row.cell_id, row.task])
        canvas.title(axes, name)
        drawn.setdefault((row.suite, unit), []).append(axes)
    for same in drawn.values():
        low = min(axes.get_ylim()[0] for axes in same)
        high = max(axes.get_ylim()[1] for axes in same)
        for axes in same:
            axes.set_ylim(low, high)
    shows = "Parts of each mean gain with 95 % intervals; grey: sums"
    rows = summary.rows[summary.rows["cell_id"].isin(set(found["cell_id"]))]
    return canvas.done(caption(rows, shows), one)


def _draw(axes: Axes, part: pd.DataFrame) -> str:
    """Draw bars from where the last one ended, with 95 % intervals of each step, and the whole gain from 0.

    Returns:
        The unit of the axis.
    """
    percent = part["gain_pct"].notna().all()
    value, low, high = ("gain_pct", "ci_low", "ci_high") if percent else ("diff", "diff_low", "diff_high")
    heights = np.nan_to_num(part[value].to_numpy(dtype=float))
    steps = ~part["part"].isin([SHARING, WHOLE]).to_numpy()  # the others are sums, and begin at 0
    begins = np.where(steps, np.cumsum(heights) - heights, 0.0)
    colours = [(GAIN if h >= 0 else LOSS) if step else FAINT for h, step in zip(heights, steps, strict=True)]
    places = np.arange(len(part))
    axes.bar(places, heights, bottom=begins, color=colours, width=0.7)
    spread = np.abs(part[[low, high]].to_numpy(dtype=float) - part[[value]].to_numpy(dtype=float))
    axes.errorbar(places, begins + heights, yerr=spread.T, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2)
    for place in places[:-1]:
        ends = [begins[place] + heights[place]] * 2
        axes.plot([place + 0.35, place + 0.65], ends, color=INK, lw=0.6)
    axes.axhline(0, color=INK, lw=0.8)
    axes.set_xticks(places, list(part["part"]), rotation=30, ha="right", rotation_mode="anchor", fontsize=6.5)
    metric = str(part["metric"].iloc[0])
    unit = f"{metric}, % of STL" if percent else metric
    axes.set_ylabel(unit)
    return unit
