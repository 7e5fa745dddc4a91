"""The picture of an attribution: from the baseline step by step to the gain, one small picture per row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mtlrun.report.analysis.attribution import SHARING, WHOLE
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.drawing import (
    FAINT,
    GAIN,
    INK,
    LOSS,
    add_scope,
    keep_spines,
    new_figure,
    refuse_empty,
)
from mtlrun.report.text.about import about
from mtlrun.report.text.main_table import names_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ACROSS, _WIDTH_IN, _HEIGHT_IN = 3, 3.4, 2.6


def draw_waterfalls(summary: Summary) -> Figure:
    """Return the waterfalls of all rows with controls.

    Raises:
        ConfigError: there is no gain yet.
    """
    found = summary.attribution
    refuse_empty(found["diff"])
    groups = [part for _, part in found.groupby(["cell_id", "task"], sort=False)]
    whole = found[found["part"] == WHOLE]
    titles = dict(zip(zip(whole["cell_id"], whole["task"], strict=True), _titles(whole), strict=True))
    across = min(_ACROSS, len(groups))
    down = -(-len(groups) // across)
    figure = new_figure(_WIDTH_IN * across, _HEIGHT_IN * down)
    for place, part in enumerate(groups):
        axes = figure.add_subplot(down, across, place + 1)
        _draw(axes, part, titles[part["cell_id"].iloc[0], part["task"].iloc[0]])
    if found["suite"].nunique() == 1:
        figure.suptitle(str(found["suite"].iloc[0]), weight="bold", fontsize=10, color=INK)
    add_scope(figure, about(summary.rows))
    return figure


def _titles(rows: pd.DataFrame) -> list[str]:
    names = names_of(rows).to_numpy().tolist()
    suites = rows["suite"].tolist() if rows["suite"].nunique() > 1 else [""] * len(rows)
    parts = zip(suites, rows["task"], names, strict=True)
    return ["  ".join(text for text in (suite, str(task), *name) if text) for suite, task, name in parts]


def _draw(axes: Axes, part: pd.DataFrame, title: str) -> None:
    """Draw bars from where the last one ended, with 95 % intervals of each step, and the whole gain from 0."""
    percent = part["gain_pct"].notna().all()
    value, low, high = ("gain_pct", "ci_low", "ci_high") if percent else ("diff", "diff_low", "diff_high")
    heights = np.nan_to_num(part[value].to_numpy(dtype=float))
    steps = ~part["part"].isin([SHARING, WHOLE]).to_numpy()  # the others are sums, and begin at 0
    begins = np.where(steps, np.cumsum(heights) - heights, 0.0)
    colours = [(GAIN if h >= 0 else LOSS) if step else FAINT for h, step in zip(heights, steps, strict=True)]
    places = np.arange(len(part))
    axes.bar(places, heights, bottom=begins, color=colours, width=0.7)
    spread = np.abs(part[[low, high]].to_numpy(dtype=float) - part[[value]].to_numpy(dtype=float))
    axes.errorbar(places, begins + heights, yerr=spread.T, fmt="none", ecolor=INK, elinewidth=1, capsize=3)
    for place in places[:-1]:
        axes.plot(
            [place + 0.35, place + 0.65], [begins[place] + heights[place]] * 2, color=INK, linewidth=0.7
        )
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(places, list(part["part"]), rotation=25, ha="right")
    axes.set_ylabel("% of STL" if percent else str(part["metric"].iloc[0]))
    axes.set_title(title, fontsize=9)
    keep_spines(axes, "left", "bottom")
