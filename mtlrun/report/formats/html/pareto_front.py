"""The front of fixed weights: gains of one task against those of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.figure import Figure, cell_names, error_bars, hover, literal, numbers, series
from mtlrun.report.setting_text import setting_text

if TYPE_CHECKING:
    import pandas as pd


def pareto_fronts(summary: Summary) -> list[Figure]:
    """Return a figure per front of two tasks whose gains are percentages."""
    groups = summary.front_gains.groupby("front", sort=False)
    fronts = [part for _, part in groups if _drawable(part)]
    return [_figure(part, title) for part, title in zip(fronts, _titles(fronts), strict=True)]


def _titles(fronts: list[pd.DataFrame]) -> list[str]:
    """Return suite and sharing of each front, and the settings in which fronts differ."""
    firsts: list[Any] = [part.iloc[0] for part in fronts]
    keys = sorted({key for first in firsts for key in first["hyper"]})
    differ = [key for key in keys if len({setting_text(first["hyper"].get(key)) for first in firsts}) > 1]
    titles = []
    for first in firsts:
        settings = [f"{key} {setting_text(first['hyper'][key])}" for key in differ if key in first["hyper"]]
        titles.append(", ".join([str(first["suite"]), f"sharing {first['sharing']}", *settings]))
    return titles


def _drawable(compared: pd.DataFrame) -> bool:
    points = compared[compared["on_front"].notna()]
    return bool(points["task"].nunique() == 2 and points["gain_pct"].notna().all())


def _figure(compared: pd.DataFrame, title: str) -> Figure:
    is_point = compared["on_front"].notna()
    points, rows = compared[is_point], compared[~is_point]
    tasks = [str(task) for task in dict.fromkeys(points["task"])]
    names = dict(zip(rows["cell_id"], cell_names(rows), strict=True)) if len(rows) else {}
    data = _grid(points, tasks)
    for place, (cell, name) in enumerate(names.items()):
        data.append(_cross(rows[rows["cell_id"] == cell].set_index("task"), tasks, name, place))
    layout = {
        "xaxis": {"title": {"text": literal(f"{tasks[0]}: gain in % of STL")}, "zeroline": True},
        "yaxis": {"title": {"text": literal(f"{tasks[1]}: gain in % of STL")}, "zeroline": True},
        "hovermode": "closest",
    }
    return Figure(title, data, layout, "Further to the right and up is better; bars are 95 % intervals.")


def _grid(points: pd.DataFrame, tasks: list[str]) -> list[dict[str, Any]]:
    """Return the points of the grid: those on the front, joined, and those behind it."""
    each = points.drop_duplicates("cell_id").set_index("cell_id")
    gains = points.pivot(index="cell_id", columns="task", values="gain_pct").loc[each.index, tasks]
    on = each["on_front"].astype(bool)
    data = []
    for which, name, mode, symbol in (
        (on, "fixed weights, on the front", "lines+markers", "circle"),
        (~on, "fixed weights, behind it", "markers", "circle-open"),
    ):
        if not which.any():
            continue
        told = [
            hover(
                literal(name),
                literal(", ".join(f"{task} {w:.3g}" for task, w in zip(tasks, ws, strict=False))),
            )
            for ws in each.loc[which, "weights"]
        ]
        data.append(
            {
                "type": "scatter",
                "mode": mode,
                "name": name,
                "text": told,
                "x": numbers(gains.loc[which, tasks[0]]),
                "y": numbers(gains.loc[which, tasks[1]]),
                "line": {"color": "--faint", "width": 1.5},
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"color": "--faint", "symbol": symbol, "size": 7},
            }
        )
    return data


def _cross(own: pd.DataFrame, tasks: list[str], name: str, place: int) -> dict[str, Any]:
    """Return one setting with its intervals on both axes."""
    look = series(place)
    gains = own.reindex(tasks)[["gain_pct", "ci_low", "ci_high"]]
    (x, x_low, x_high), (y, y_low, y_high) = gains.to_numpy(dtype=float)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": literal(name),
        "x": numbers([x]),
        "y": numbers([y]),
        "error_x": {**error_bars([x], [x_low], [x_high]), "color": look["color"]},
        "error_y": {**error_bars([y], [y_low], [y_high]), "color": look["color"]},
        "marker": {**look, "size": 9},
        "text": [literal(name)],
        "hovertemplate": "%{text}<br>%{x:.2f} %, %{y:.2f} %<extra></extra>",
    }
