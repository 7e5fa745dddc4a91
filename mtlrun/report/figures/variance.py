"""The picture of the variance of gains: a bar for each row, divided by where its error comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.variance import SHARES
from mtlrun.report.figures.drawing import COLOURS, INK, PALE, keep_spines, new_figure, refuse_empty, wrapped
from mtlrun.report.text.about import about
from mtlrun.report.text.main_table import names_of
from mtlrun.report.text.number_format import needed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_WIDTH_IN, _LINE_IN, _REST_IN, _LONGEST = 9.0, 0.26, 1.5, 46
_PAINT = dict(zip(SHARES, (COLOURS[0], COLOURS[1], PALE, COLOURS[2]), strict=True))


def draw_variance(summary: Summary) -> Figure:
    """Return bars of equal length, one for each row, with the seeds or examples beside those that are undecided.

    Raises:
        ConfigError: no row has two seeds yet.
    """
    rows = summary.rows[summary.rows[list(SHARES)].notna().any(axis=1)]
    refuse_empty(summary.rows["diff"])
    if rows.empty:
        raise ConfigError(
            ["nothing to draw: no gain rests on two seeds yet, so nothing is known of its variance"]
        )
    figure = new_figure(_WIDTH_IN, _REST_IN + _LINE_IN * len(rows))
    axes = figure.add_subplot()
    begin = np.zeros(len(rows))
    places = np.arange(len(rows))
    for name, label in SHARES.items():
        part = rows[name].fillna(0.0).to_numpy(dtype=float)
        if part.any():
            axes.barh(places, part, left=begin, color=_PAINT[name], height=0.72, label=label)
        begin += part
    for place, row in enumerate(rows.itertuples()):
        axes.text(1.01, place, _told(row), va="center", fontsize=8, color=INK)
    axes.set_yticks(places, _names(rows), fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"], fontsize=8)
    axes.set_xlabel("% of the variance of the mean gain", fontsize=8)
    axes.set_title(f"Where the error of each gain comes from: {summary.study}", loc="left", fontsize=10)
    keep_spines(axes, "bottom")
    scope = wrapped(about(rows), 0.96 * _WIDTH_IN, 7)
    figure.legend(
        loc="outside lower left",
        ncols=4,
        frameon=False,
        fontsize=8,
        alignment="left",
        title=scope,
        title_fontsize=7,
    )
    return figure


def _told(row: Any) -> str:
    wanted = needed(row)
    return str(row.verdict) if wanted == "-" else f"{row.verdict}: {wanted}"


def _names(rows: pd.DataFrame) -> list[str]:
    found = []
    for suite, part in rows.groupby("suite", sort=False):
        first = [str(suite)] if rows["suite"].nunique() > 1 else []
        shown = names_of(part).to_numpy().tolist()
        found += [
            "  ".join([*first, str(task), *names]) for task, names in zip(part["task"], shown, strict=True)
        ]
    return [name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…" for name in found]
