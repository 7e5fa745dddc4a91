"""What the page's figures are: data for plotly.js, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.tables import plain
from mtlrun.report.text.main_table import names_of

if TYPE_CHECKING:
    import pandas as pd

SERIES = 8
"""Colours of things that stand side by side; style.css defines them, `--series-1` and on."""

MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")
VERDICT_MARKERS = {
    "negative": "triangle-down",
    "positive": "triangle-up",
    "neutral": "square",
    "inconclusive": "circle-open",
}


@dataclass(frozen=True)
class Figure:
    """One picture of the page.

    Attributes:
        title: its heading, plain text.
        data: traces of plotly.js. A colour is a custom property of style.css, as `--negative`, so that it follows
            the light or dark theme; `--series-1/0.2` is a shade of it. A trace with `ids` follows the filters of the
            table: each id is the number of a table row.
        layout: of plotly.js, without what all figures have in common (page/figures.js).
        note: how to read it, plain text.
        lines: how many lines of categories the figure has, which sets its height; 0 for a fixed height.
        wide: whether it takes the page's whole width.
    """

    title: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    note: str = ""
    lines: int = 0
    wide: bool = False

    def plain(self) -> dict[str, Any]:
        """Return what page/figures.js draws."""
        return {"data": self.data, "layout": self.layout, "lines": self.lines}


def literal(text: object) -> str:
    """Return text that plotly.js shows as it is: it reads a few tags and entities of HTML in all its texts."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def hover(*lines: str) -> str:
    """Return literal lines as one hover text."""
    return "<br>".join(lines)


def numbers(values: Iterable[Any], digits: int = 6) -> list[float | None]:
    """Return numbers to so many significant digits, which keeps the page small; None where there is none."""
    found = (plain(value) for value in values)
    return [None if value is None else float(f"{float(value):.{digits}g}") for value in found]


def error_bars(value: Any, low: Any, high: Any) -> dict[str, Any]:
    """Return a trace's error bars from the ends of intervals."""
    value, low, high = (np.asarray(part, dtype=float) for part in (value, low, high))
    return {
        "type": "data",
        "symmetric": False,
        "array": numbers(high - value),
        "arrayminus": numbers(value - low),
        "thickness": 1.4,
        "width": 0,
    }


def series(place: int) -> dict[str, Any]:
    """Return colour and marker of the n-th of things that stand side by side."""
    marker = MARKERS[place // SERIES % len(MARKERS)]
    return {"color": f"--series-{place % SERIES + 1}", "symbol": marker}


def cell_names(rows: pd.DataFrame, absent: str = "") -> list[str]:
    """Return for each row of one suite what tells its cell apart, as text; the mitigation where nothing does."""
    names = names_of(rows)
    if names.columns.empty:
        return [absent] * len(rows) if absent else rows["mitigation"].astype(str).tolist()
    return ["  ".join(parts) for parts in names.to_numpy().tolist()]


def categories(ids: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Return the axis of rows from top to bottom: their ids as categories, their labels as text."""
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(reversed(ids)),
        "tickmode": "array",
        "tickvals": list(ids),
        "ticktext": [literal(label) for label in labels],
        "range": [-0.7, len(ids) - 0.3],
        "automargin": True,
        "showgrid": False,
    }


def told_apart(rows: pd.DataFrame) -> str:
    """Return what the labels of rows consist of, as `task, mitigation, width`."""
    return ", ".join(["task", *map(str, names_of(rows).columns)])


def row_ids(rows: pd.DataFrame) -> list[str]:
    """Return the numbers of table rows, which figures and the table have in common."""
    return [str(position) for position in rows.index]
