"""What each cell costs to train against what it gains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.figure import (
    Figure,
    cell_names,
    error_bars,
    hover,
    literal,
    numbers,
    series,
)
from mtlrun.report.formats.html.scale import Scale
from mtlrun.report.text import number_format as words

if TYPE_CHECKING:
    import pandas as pd


def costs_against_gains(summary: Summary) -> list[Figure]:
    """Return a figure per suite with several cells of known cost and delta-m."""
    cost = summary.cost[["cell_id", "wall_s", "step_wall_s", "parameters"]]
    joined = summary.suites.merge(cost, on="cell_id")
    known = joined[joined["delta_m"].notna() & joined["wall_s"].notna()]
    groups = known.groupby("suite", sort=False)
    return [_figure(str(suite), rows) for suite, rows in groups if len(rows) > 1]


def _figure(suite: str, rows: pd.DataFrame) -> Figure:
    scale = Scale.of(rows[["delta_m", "ci_low", "ci_high"]].to_numpy())
    rows = rows.assign(name=cell_names(rows.assign(task="")), group=_groups(rows))
    data = [
        _trace(part, str(group), place, scale)
        for place, (group, part) in enumerate(rows.groupby("group", sort=False))
    ]
    layout = {
        "xaxis": {"title": {"text": "seconds per run"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "delta-m in %" + scale.words}, "zeroline": True, **scale.axis()},
        "hovermode": "closest",
    }
    note = "Seconds of a run: those of its cohort divided by its lanes. Times differ between machines."
    return Figure(suite, data, layout, note)


def _groups(rows: pd.DataFrame) -> list[str]:
    shown = [name for name in ("sharing", "mitigation") if rows[name].nunique() > 1] or ["mitigation"]
    return ["  ".join(map(str, values)) for values in rows[shown].to_numpy().tolist()]


def _trace(rows: pd.DataFrame, name: str, place: int, scale: Scale) -> dict[str, Any]:
    look = series(place)
    value, low, high = (scale.coordinates(rows[column]) for column in ("delta_m", "ci_low", "ci_high"))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": literal(name),
        "x": numbers(rows["wall_s"]),
        "y": numbers(value),
        "marker": {**look, "size": 8},
        "error_y": {**error_bars(value, low, high), "color": look["color"]},
        "text": [_told(row) for row in rows.itertuples()],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _told(row: Any) -> str:
    lines = [
        f"delta-m {words.interval(row.delta_m, row.ci_low, row.ci_high, 2)} %",
        f"{row.wall_s:.3g} s per run",
    ]
    if row.step_wall_s == row.step_wall_s:
        lines.append(f"{1000 * row.step_wall_s:.3g} ms per step")
    if row.parameters == row.parameters:
        lines.append(f"{row.parameters:,} parameters")
    return hover(f"<b>{literal(row.name)}</b>", *lines)
