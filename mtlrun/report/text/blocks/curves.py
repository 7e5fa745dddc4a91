"""Learning curves as text: a line for each task and cell, with a small picture of both curves and a few values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.curves import primary_curves
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text import number_format as words
from mtlrun.report.text.main_table import Block, in_order, names_of, plain_block

if TYPE_CHECKING:
    import pandas as pd

_POINTS = 12
"""Signs of a curve, at most; of longer ones evaluations at equal distances are shown."""

_NAMES = {"stl": "STL", "mtl": "MTL"}
_TASK = ["suite", "task"]
_SHOWN = ("first", "best", "last")


def curves_block(summary: Summary, marks: words.Marks = words.UNICODE) -> Block:
    """Return one block: for each task and cell the validation curves of STL and MTL, means over seeds.

    Both curves are drawn between the least and the largest value of the task in its suite, so that heights are
    comparable. `first`, `best` and `last` are values of the mean curve.
    """
    import pandas as pd

    curves, ends = _mean_curves(summary)
    rows = summary.rows
    several, one_metric = rows["suite"].nunique() > 1, rows["metric"].nunique() == 1
    names = _names(rows)
    rows = pd.concat([in_order(part, None) for _, part in rows.groupby("suite", sort=False)])
    decimals = {
        key: words.decimals_for([*part["stl_sd"], *part["mtl_sd"]]) for key, part in rows.groupby(_TASK)
    }
    records: list[Any] = list(rows.itertuples())
    lines, starts = [], []
    for before, row in zip([None, *records], records, strict=False):
        starts.append(before is None or (before.suite, before.task) != (row.suite, row.task))
        told = str(row.task) if one_metric else f"{row.task} ({row.metric})"
        head = [*([str(row.suite)] if several else []), told]
        figures: list[str] = []
        for side in _NAMES:
            curve = curves.get((row.suite, row.task, row.cell_id, side), np.array([]))
            spark = _spark(curve, *ends.get((row.suite, row.task), (0.0, 1.0)), marks)
            figures += [spark, *_values(curve, row.direction, decimals[row.suite, row.task])]
        lines.append([*(head if starts[-1] else [""] * len(head)), *names.loc[row.Index], *figures])
    columns = [text for name in _NAMES.values() for text in (name, *(f"{value} {name}" for value in _SHOWN))]
    header = [*(["suite"] if several else []), "task", *names.columns, *columns]
    title = "curves" if several else str(rows["suite"].iloc[0])
    metric = f"{rows['metric'].iloc[0]}, " if one_metric else ""
    return plain_block(title, f"{metric}validation, mean over seeds", header, lines, starts, 1 + several)


def _mean_curves(summary: Summary) -> tuple[dict[Any, np.ndarray], dict[Any, tuple[float, float]]]:
    """Return the mean curves by suite, task, cell and side, and their least and largest value by suite and task."""
    keys = [*_TASK, "cell_id", "side"]
    values = primary_curves(summary, ("val",)).groupby([*keys, "step"], sort=False)["value"].mean()
    means = values.reset_index().sort_values("step", kind="stable")
    curves = {key: part["value"].to_numpy() for key, part in means.groupby(keys, sort=False)}
    ends = {key: (part.min(), part.max()) for key, part in means.groupby(_TASK)["value"]}
    return curves, ends


def _names(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what tells the cells of each suite apart, for all suites together."""
    import pandas as pd

    parts = [names_of(part) for _, part in rows.groupby("suite", sort=False)]
    return pd.concat(parts).reindex(rows.index).fillna("-").astype(str)


def _spark(curve: np.ndarray, low: float, high: float, marks: words.Marks) -> str:
    """Return a curve in signs of eight heights; a blank where a mean is not finite."""
    if not len(curve):
        return "-"
    places = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), _POINTS)).round().astype(int))
    top = len(marks.heights) - 1
    scale = top / (high - low) if high > low else 0.0
    shown = curve[places]
    return "".join(
        marks.heights[min(top, int((value - low) * scale + 0.5))] if math.isfinite(value) else " "
        for value in shown
    )


def _values(curve: np.ndarray, direction: str, decimals: int | None) -> list[str]:
    """Return the first, the best and the last value."""
    if not len(curve) or not np.isfinite(curve).any():
        return ["-"] * len(_SHOWN)
    best = np.nanmax(curve) if direction == "higher" else np.nanmin(curve)
    return [
        words.with_spread(float(value), math.nan, decimals, words.UNICODE)
        for value in (curve[0], best, curve[-1])
    ]
