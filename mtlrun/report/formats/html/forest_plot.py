"""The forest plot: each row's gain with its interval, by suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.figure import (
    VERDICT_MARKERS,
    Figure,
    categories,
    cell_names,
    error_bars,
    hover,
    literal,
    numbers,
    row_ids,
    told_apart,
)
from mtlrun.report.formats.html.scale import Scale
from mtlrun.report.text import number_format as words

if TYPE_CHECKING:
    import pandas as pd

PERCENT = ("gain_pct", "ci_low", "ci_high")
_TALL = 40
"""A figure of more rows has its axis on top, where it is read first."""

ABSOLUTE = ("diff", "diff_low", "diff_high")


def forest_plots(summary: Summary) -> list[Figure]:
    """Return a figure per suite and unit; none where no gain is known."""
    found = []
    for suite, rows in summary.rows.groupby("suite", sort=False):
        percent = rows[rows["gain_pct"].notna()]
        if len(percent):
            found.append(_figure(str(suite), percent, PERCENT, summary.settings.margin))
        absolute = rows[rows["gain_pct"].isna() & rows["diff"].notna()]
        for metric, part in absolute.groupby("metric", sort=False):
            found.append(_figure(f"{suite}: {metric}", part, ABSOLUTE, 0.0))
    return found


def by_task(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with those of one suite and task beside each other, as tables show them."""
    place = rows.groupby(["suite", "task"], sort=False).ngroup().to_numpy()
    suite = rows.groupby("suite", sort=False).ngroup().to_numpy()
    return rows.iloc[np.lexsort((place, suite))]


def row_labels(rows: pd.DataFrame) -> list[str]:
    """Return task and settings of each row of one suite."""
    names = cell_names(rows, absent=" ")
    return [f"{task}  {name}".strip() for task, name in zip(rows["task"], names, strict=True)]


def row_hover(rows: pd.DataFrame) -> list[str]:
    """Return the text that each row shows under the pointer."""
    records: list[Any] = list(rows.itertuples())
    return [
        hover(
            f"<b>{literal(label)}</b>",
            literal(words.gain(row) + ("" if words.gain(row).endswith(words.ABSOLUTE) else " %")),
            literal(words.verdict(row, words.UNICODE)),
        )
        for label, row in zip(row_labels(rows), records, strict=True)
    ]


def _figure(title: str, rows: pd.DataFrame, columns: tuple[str, str, str], margin: float) -> Figure:
    rows = by_task(rows)
    scale = Scale.of(rows[list(columns)].to_numpy())
    rows = rows.assign(label=row_labels(rows), hover=row_hover(rows), id=row_ids(rows))
    data = [
        _trace(word, rows[rows["verdict"] == word], columns, scale)
        for word in VERDICT_MARKERS
        if (rows["verdict"] == word).any()
    ]
    unit = "gain in % of STL" if columns == PERCENT else "gain in units of the metric"
    layout = {
        "xaxis": {
            "title": {"text": unit + scale.words},
            "zeroline": True,
            **scale.axis(),
            "side": "top" if len(rows) > _TALL else "bottom",
        },
        "yaxis": categories(rows["id"].tolist(), rows["label"].tolist()),
        "shapes": [_margin(margin, scale)] if margin else [],
        "hovermode": "closest",
    }
    return Figure(title, data, layout, f"By {told_apart(rows)}.", len(rows), wide=True)


def _trace(word: str, rows: pd.DataFrame, columns: tuple[str, str, str], scale: Scale) -> dict[str, Any]:
    value, low, high = (scale.coordinates(rows[name]) for name in columns)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": word,
        "x": numbers(value),
        "y": rows["id"].tolist(),
        "ids": rows["id"].tolist(),
        "text": rows["hover"].tolist(),
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "color": f"--{word}",
            "symbol": VERDICT_MARKERS[word],
            "size": 9,
            "line": {"color": f"--{word}", "width": 1.6},
        },
        "error_x": {**error_bars(value, low, high), "color": f"--{word}"},
    }


def _margin(margin: float, scale: Scale) -> dict[str, Any]:
    low, high = (float(place) for place in scale.coordinates(np.array([-margin, margin])))
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": low,
        "x1": high,
        "y0": 0,
        "y1": 1,
        "fillcolor": "--line/0.5",
        "line": {"width": 0},
        "layer": "below",
    }
