"""Axes that gains are drawn on: which side harms, the margin, and ticks that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.figures.style import FAINT, HARM, INK, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

_LOG_RATIO = 10
_MOST_TICKS = 8
_PLAIN_TICKS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def mark_sides(axes: Axes, margin: float, low: float, high: float) -> None:
    """Set the range of a vertical axis of gains; shade the harmful side and the margin, and name both sides."""
    reach = max(1.25 * margin, 0.08 * (high - low)) or 1.0
    low, high = min(low - 0.05 * (high - low), -reach), max(high + 0.05 * (high - low), reach)
    axes.set_ylim(low, high)
    axes.axhspan(low, 0, color=HARM, lw=0, zorder=0)
    if margin:
        axes.axhspan(-margin, margin, color=PALE, alpha=0.55, lw=0, zorder=1)
    axes.axhline(0, color=INK, lw=0.8, zorder=2)
    told: dict[str, Any] = {"transform": axes.transAxes, "rotation": 90, "color": FAINT, "fontsize": 6.5}
    axes.text(1.015, 0, "← sharing hurts", va="bottom", **told)
    axes.text(1.015, 1, "helps →", va="top", **told)


def asks_for_log(values: ArrayLike) -> bool:
    """Return whether numbers ask for a logarithmic axis: they are above 0, and span over 10 or grow by one factor."""
    found = np.unique(np.asarray(values, dtype=float))
    if len(found) < 2 or found[0] <= 0:
        return False
    ratios = found[1:] / found[:-1]
    geometric = len(found) > 2 and bool(np.allclose(ratios, ratios[0], rtol=0.02)) and ratios[0] > 1.2
    return bool(geometric or found[-1] / found[0] > _LOG_RATIO)


def set_ticks_at(axes: Axes, values: ArrayLike) -> None:
    """Scale a horizontal axis as its values ask, with ticks at the values themselves, as plain numbers."""
    found = np.unique(np.asarray(values, dtype=float))
    log = asks_for_log(found)
    if log:
        axes.set_xscale("log")
    places = found
    while len(places) > _MOST_TICKS:
        places = places[::2]
    places = _apart(places, log)
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.set_xticks([], minor=True)


def _apart(places: np.ndarray, log: bool) -> np.ndarray:
    """Return places without those too close to the one before for both to be labelled."""
    at = np.log(places) if log else places
    span = (at[-1] - at[0]) or 1.0
    kept = [0]
    for place in range(1, len(places)):
        if at[place] - at[kept[-1]] >= 0.11 * span:
            kept.append(place)
    return places[kept]


def set_gain_scale(axes: Axes, values: ArrayLike) -> bool:
    """Scale a horizontal axis of gains: linear, or where some are far off logarithmic beyond 1, with plain ticks.

    Returns:
        Whether it is logarithmic.
    """
    found = np.abs(np.asarray(values, dtype=float))
    found = found[np.isfinite(found)]
    far = found.max(initial=0.0)
    usual = float(np.median(found)) if len(found) else 0.0
    if far <= 8 * max(usual, 0.25):
        return False
    axes.set_xscale("symlog", linthresh=1, linscale=0.6)
    low, high = axes.get_xlim()
    ticks = sorted({sign * tick for tick in _PLAIN_TICKS for sign in (-1, 1) if low <= sign * tick <= high})
    at = axes.transScale.transform([(tick, 0) for tick in ticks])[:, 0]
    ends = axes.transScale.transform([(low, 0), (high, 0)])[:, 0]
    shown = [ticks[place] for place in _apart_from_0(ticks, at, 0.08 * (ends[1] - ends[0]))]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xticks([], minor=True)
    return True


def _apart_from_0(ticks: Sequence[float], at: np.ndarray, least: float) -> list[int]:
    """Return which ticks to show, 0 among them: each at least so far from the one before it."""
    middle = list(ticks).index(0)
    kept = [middle]
    for step in (1, -1):
        last, place = middle, middle + step
        while 0 <= place < len(ticks):
            if abs(at[place] - at[last]) >= least:
                kept.append(place)
                last = place
            place += step
    return sorted(kept)
