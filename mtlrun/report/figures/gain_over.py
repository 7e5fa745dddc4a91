"""Gains against a numeric setting, with their intervals, and with what theory expects where it says something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.gain_over import gain_over_table
from mtlrun.report.analysis.summary import Summary, changed
from mtlrun.report.figures.axes_of_gains import asks_for_log, mark_sides, set_ticks_at
from mtlrun.report.figures.drawing import Canvas, picture, refuse_empty
from mtlrun.report.figures.style import PALE, looks
from mtlrun.report.levels import LEVELS, SIZES
from mtlrun.report.text.captions import caption
from mtlrun.report.text.labels import cell_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mtlrun.report.figures.drawing import Drawn, Given

_HEIGHT_IN, _PANEL_IN = 2.1, 3.0
_DODGE, _MOST_DODGE = 0.012, 0.08
"""How far lines stand apart, and the first from the last at most, as parts of the axis."""


@picture
def draw_gain_over(summary: Summary, ax: Given, size: str, over: str | None = None) -> Drawn:
    """Draw gains with 95 % intervals against a numeric setting.

    A panel is a suite with a line for each task, or for each cell where it has one task; with several of both, it is
    a task. The axis is logarithmic where values ask for it.

    Args:
        summary: whose rows are drawn.
        ax: axes to draw in, one for each panel; by default a figure is made.
        size: its width, a key of `SIZES`.
        over: the setting; by default that of the summary, or the only one that varies.

    Raises:
        ConfigError: there is no such setting, or no gain yet.
    """
    found = gain_over_table(changed(summary, over=over or summary.over))
    if found.empty:
        raise ConfigError([f"the study {LEVELS['gain_over'].lacking}"])
    refuse_empty(found["diff"])
    key = str(found["over"].iloc[0])
    found = _named(found, key)
    panels = {str(name): part for (_, name), part in found.groupby(["unit", "panel"], sort=False)}
    lines = list(dict.fromkeys(found["line"]))
    styles = dict(zip(lines, looks(len(lines)), strict=True))
    canvas = Canvas(list(panels), ax, size, _HEIGHT_IN, int(SIZES[size] / _PANEL_IN))
    for axes, (name, part) in zip(canvas.axes, panels.items(), strict=True):
        same = found[(found["suite"] == part["suite"].iloc[0]) & (found["unit"] == part["unit"].iloc[0])]
        _draw_panel(axes, part, same, styles, summary.settings.margin)
        canvas.title(axes, name)
        axes.set_xlabel(key)
        axes.set_ylabel(part["unit"].iloc[0])
    shows = f"Mean gain with 95 % interval against {key}"
    dashed = "; dashed: theory" if found["theory_pct"].notna().any() else ""
    rows = summary.rows[summary.rows["cell_id"].isin(found["cell_id"])]
    return canvas.done(caption(rows, shows + dashed), handles=_handles(styles, summary.settings.margin))


def _named(found: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return rows with the names of their line and panel, and the unit of their gain with its columns."""
    names = np.empty(len(found), dtype=object)
    for at in found.groupby("suite", sort=False).indices.values():
        names[at] = cell_names(found.iloc[at], without=key)
    percent = found["gain_pct"].notna() | found["diff"].isna()
    found = found.assign(cell=names)
    found["unit"] = [
        f"gain in {metric}, % of STL" if is_percent else f"gain in {metric}"
        for metric, is_percent in zip(found["metric"], percent, strict=True)
    ]
    for to, (pct, own) in {
        "value": ("gain_pct", "diff"),
        "low": ("ci_low", "diff_low"),
        "high": ("ci_high", "diff_high"),
    }.items():
        found[to] = found[pct].where(percent, found[own])
    both = found.groupby("suite")[["task", "cell"]].nunique().gt(1).all(axis=1).any()
    one_task = found.groupby("suite")["task"].nunique().max() == 1
    found["line"] = found["cell"] if both or one_task else found["task"]
    suites, tasks = found["suite"].astype(str), found["task"].astype(str)
    found["panel"] = suites + "  " + tasks if both else suites
    return found


def _draw_panel(
    axes: Axes, part: pd.DataFrame, same: pd.DataFrame, styles: dict[str, dict[str, Any]], margin: float
) -> None:
    """Draw the lines of one panel; `same` has all rows whose axis it shares."""
    percent = part["unit"].iloc[0].endswith("STL")
    set_ticks_at(axes, same["at"].to_numpy())
    ends = same[["value", "low", "high"]].to_numpy(dtype=float)
    mark_sides(axes, margin if percent else 0.0, min(0.0, np.nanmin(ends)), max(0.0, np.nanmax(ends)))
    names = [name for name in styles if (part["line"] == name).any()]
    for place, name in enumerate(names):
        rows = part[part["line"] == name]
        at = _dodged(
            rows["at"].to_numpy(), same["at"].to_numpy(), place / max(len(names) - 1, 1) - 0.5, len(names)
        )
        value, low, high = (rows[column].to_numpy(dtype=float) for column in ("value", "low", "high"))
        spread = np.nan_to_num(np.stack([value - low, high - value]).clip(min=0.0))  # round-off at 0
        axes.errorbar(at, value, yerr=spread, capsize=2, elinewidth=0.9, label=name, zorder=4, **styles[name])
        if rows["theory_pct"].notna().any():
            dash = {**styles[name], "linestyle": "--", "marker": ""}
            axes.plot(rows["at"], rows["theory_pct"], label=f"{name}, theory", lw=0.9, zorder=3, **dash)


def _dodged(at: np.ndarray, every: np.ndarray, place: float, lines: int) -> np.ndarray:
    """Return values moved a little to the side, so that intervals of several lines do not cover each other.

    Args:
        at: the values.
        every: all values on the axis.
        place: of the line among all, from -0.5 to 0.5.
        lines: how many there are.
    """
    part = min(_MOST_DODGE, _DODGE * (lines - 1)) * place
    if asks_for_log(every):
        moved: np.ndarray = at * (every.max() / every.min()) ** part
        return moved
    return at + part * (every.max() - every.min())


def _handles(styles: dict[str, dict[str, Any]], margin: float) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines = [Line2D([], [], label=name, **style) for name, style in styles.items()]
    return [*lines, Patch(color=PALE, alpha=0.55, lw=0, label=f"margin of {margin:g} %")]
