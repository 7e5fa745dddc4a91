"""Where the error of each gain comes from: a bar for each row, divided into shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.variance import SHARES
from mtlrun.report.formats.html.figure import (
    Figure,
    categories,
    hover,
    literal,
    numbers,
    row_ids,
    series,
    told_apart,
)
from mtlrun.report.formats.html.forest_plot import by_task, row_labels
from mtlrun.report.text.number_format import needed

if TYPE_CHECKING:
    import pandas as pd


def variance_shares(summary: Summary) -> list[Figure]:
    """Return a figure per suite of which the variance of some gain has several known parts."""
    known = summary.rows[summary.rows[list(SHARES)].notna().sum(axis=1) > 1]
    return [_figure(str(suite), rows) for suite, rows in known.groupby("suite", sort=False)]


def _figure(suite: str, rows: pd.DataFrame) -> Figure:
    rows = by_task(rows)
    ids, labels = row_ids(rows), row_labels(rows)
    told = [needed(row) for row in rows.itertuples()]
    data = []
    for place, (name, label) in enumerate(SHARES.items()):
        share = 100 * rows[name].fillna(0.0)
        if not share.any():
            continue
        texts = [
            hover(
                f"<b>{literal(row)}</b>",
                f"{label}: {value:.0f} %",
                *([] if wanted == "-" else [f"would decide: {wanted}"]),
            )
            for row, value, wanted in zip(labels, share, told, strict=True)
        ]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": label,
                "x": numbers(share, 4),
                "y": ids,
                "ids": ids,
                "marker": {"color": series(place)["color"]},
                "text": texts,
                "textposition": "none",
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    layout = {
        "barmode": "stack",
        "bargap": 0.3,
        "xaxis": {"title": {"text": "% of the variance of the mean gain"}, "range": [0, 100]},
        "yaxis": categories(ids, labels),
    }
    return Figure(suite, data, layout, f"By {told_apart(rows)}.", len(rows), wide=True)
