"""The gain against each numeric setting that a study sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.pairs.layout import LABELS
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.figure import Figure, error_bars, hover, literal, numbers, series
from mtlrun.report.formats.html.forest_plot import ABSOLUTE, PERCENT, row_hover
from mtlrun.report.formats.html.scale import Scale
from mtlrun.report.setting_text import setting_text

if TYPE_CHECKING:
    import pandas as pd

_FEW = 8
"""Up to so many lines have error bars; more would hide each other."""

_LOGARITHMIC = 20
"""A setting whose values differ by more than this factor gets a logarithmic axis."""

_ROOM = 0.09
"""Of the width of an axis, which the label of a tick needs."""


def gains_over_settings(summary: Summary) -> list[Figure]:
    """Return a figure for each suite, task and numeric setting with several values; other settings make lines."""
    found = []
    for (suite, task), rows in summary.rows.groupby(["suite", "task"], sort=False):
        columns = PERCENT if rows["gain_pct"].notna().any() else ABSOLUTE
        known = rows[rows[columns[0]].notna()]
        keys = sorted({key for hyper in known["hyper"] for key in hyper})
        found += [
            _figure(f"{suite}: {task} over {key}", known, key, columns)
            for key in keys
            if len({hyper[key] for hyper in known["hyper"] if _numeric(hyper.get(key))}) > 1
        ]
    return found


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _figure(title: str, rows: pd.DataFrame, key: str, columns: tuple[str, str, str]) -> Figure:
    values = [hyper.get(key) if _numeric(hyper.get(key)) else np.nan for hyper in rows["hyper"]]
    rows = rows.assign(at=np.array(values, dtype=float), hover=row_hover(rows))
    rows = rows[rows["at"].notna()].sort_values("at", kind="stable")
    others = [_others(hyper, key) for hyper in rows["hyper"]]
    rows = rows.assign(line=[f"{cell} {other}" for cell, other in zip(_labels(rows), others, strict=True)])
    several = rows.groupby("line")["at"].transform("nunique") > 1
    rows = rows[several] if several.any() else rows
    rows = rows.assign(group=_groups(rows))
    scale = Scale.of(rows[list(columns)].to_numpy())
    few = rows["line"].nunique() <= _FEW
    data: list[dict[str, Any]] = []
    for place, (group, part) in enumerate(rows.groupby("group", sort=False)):
        for first, (_, line) in enumerate(part.groupby("line", sort=False)):
            data.append(_trace(line, str(group), place, not first, few, columns, scale))
    unit = "gain in % of STL" if columns == PERCENT else "gain in units of the metric"
    layout = {
        "xaxis": {"title": {"text": literal(key)}, **_axis(rows["at"])},
        "yaxis": {"title": {"text": unit + scale.words}, "zeroline": True, **scale.axis()},
        "hovermode": "closest",
    }
    note = "" if few else "One line for each combination of the other settings."
    return Figure(title, data, layout, note)


def _axis(values: pd.Series) -> dict[str, Any]:
    """Return the axis of a setting: logarithmic for wide ranges, with ticks at its values where there is room."""
    at = np.unique(values.to_numpy(dtype=float))
    logarithmic = at[0] > 0 and at[-1] / at[0] >= _LOGARITHMIC
    places = np.log10(at) if logarithmic else at
    axis: dict[str, Any] = {"type": "log" if logarithmic else "linear"}
    if len(at) > 1 and np.diff(places).min() >= _ROOM * (places[-1] - places[0]):
        axis |= {"tickmode": "array", "tickvals": numbers(at), "ticktext": [f"{value:g}" for value in at]}
    return axis


def _trace(
    line: pd.DataFrame,
    group: str,
    place: int,
    named: bool,
    few: bool,
    columns: tuple[str, str, str],
    scale: Scale,
) -> dict[str, Any]:
    value, low, high = (scale.coordinates(line[name]) for name in columns)
    look = series(place)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": literal(group),
        "legendgroup": literal(group),
        "showlegend": named,
        "x": numbers(line["at"]),
        "y": numbers(value),
        "text": [
            hover(text, literal(told))
            for text, told in zip(line["hover"], _settings(line["hyper"]), strict=True)
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": look["color"], "width": 2 if few else 1},
        "marker": {**look, "size": 7 if few else 4},
        "opacity": 1 if few else 0.65,
    }
    return trace | ({"error_y": {**error_bars(value, low, high), "color": look["color"]}} if few else {})


def _settings(hypers: pd.Series) -> list[str]:
    return [", ".join(f"{key} {setting_text(value)}" for key, value in hyper.items()) for hyper in hypers]


def _others(hyper: dict[str, Any], key: str) -> str:
    return " ".join(f"{name}={setting_text(value)}" for name, value in sorted(hyper.items()) if name != key)


def _labels(rows: pd.DataFrame) -> list[str]:
    return [" ".join(map(str, labels)) for labels in rows[list(LABELS)].to_numpy().tolist()]


def _groups(rows: pd.DataFrame) -> list[str]:
    """Return for each row the labels in which rows differ, above all sharing and mitigation."""
    shown = [name for name in ("sharing", "mitigation") if rows[name].nunique() > 1] or ["mitigation"]
    return ["  ".join(map(str, values)) for values in rows[shown].to_numpy().tolist()]
