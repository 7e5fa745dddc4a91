"""What gains are made of: the parts of each row's gain, with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.attribution import SHARING, WHOLE
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.figure import Figure, categories, error_bars, literal, numbers, series
from mtlrun.report.formats.html.forest_plot import ABSOLUTE, PERCENT, by_task, row_labels
from mtlrun.report.text import number_format as words

if TYPE_CHECKING:
    import pandas as pd


def attributions(summary: Summary) -> list[Figure]:
    """Return a figure per suite whose gains are split into parts."""
    found = summary.attribution
    known = found[found["diff"].notna()]
    return [_figure(str(suite), rows) for suite, rows in known.groupby("suite", sort=False)]


def _figure(suite: str, rows: pd.DataFrame) -> Figure:
    columns = PERCENT if rows["gain_pct"].notna().all() else ABSOLUTE
    whole = by_task(rows[rows["part"] == WHOLE])
    labels = {
        (cell, task): label
        for cell, task, label in zip(whole["cell_id"], whole["task"], row_labels(whole), strict=True)
    }
    ids = {key: str(place) for place, key in enumerate(labels)}
    parts = list(dict.fromkeys(rows["part"]))
    own = {part: rows[rows["part"] == part] for part in parts}
    data = [_bars(own[part], part, place, ids, columns) for place, part in enumerate(parts)]
    unit = "% of STL" if columns == PERCENT else "units of the metric"
    layout = {
        "barmode": "group",
        "bargap": 0.3,
        "xaxis": {"title": {"text": unit}, "zeroline": True},
        "yaxis": categories(list(ids.values()), list(labels.values())),
    }
    return Figure(suite, data, layout, lines=len(ids) * max(1, len(parts) * 2 // 3), wide=True)


def _bars(
    rows: pd.DataFrame,
    part: str,
    place: int,
    ids: dict[tuple[str, str], str],
    columns: tuple[str, str, str],
) -> dict[str, Any]:
    value, low, high = (rows[name] for name in columns)
    digits = 2 if columns == PERCENT else None
    spans = zip(value, low, high, strict=True)
    colour = {WHOLE: "--ink", SHARING: "--faint"}.get(part, series(place)["color"])
    return {
        "type": "bar",
        "orientation": "h",
        "name": literal(part),
        "x": numbers(value),
        "y": [ids.get(key, "") for key in zip(rows["cell_id"], rows["task"], strict=True)],
        "error_x": {**error_bars(value, low, high), "color": "--ink"},
        "marker": {"color": colour},
        "text": [literal(f"{part}: {words.interval(*span, digits)}") for span in spans],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }
