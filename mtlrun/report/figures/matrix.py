"""Which task helps or hurts which: tasks by their partners, coloured by gain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.matrix import matrix_table
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.drawing import Canvas, letters_in, picture, refuse_empty
from mtlrun.report.figures.style import INK, PALE
from mtlrun.report.levels import LEVELS, SIZES
from mtlrun.report.text.blocks.matrix import gain_cell, matrices
from mtlrun.report.text.captions import caption

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mtlrun.report.figures.drawing import Drawn, Given

_CELL_IN, _AROUND_IN, _WIDE_CELL_IN = 0.3, 1.0, 0.48
_DARK = 0.62
"""From this part of the largest gain on, text is white."""

_SIGNS = "▼ negative, ▲ positive, = neutral, ? inconclusive, * smaller than the margin"


@picture
def draw_matrix(summary: Summary, ax: Given, size: str) -> Drawn:
    """Draw the gain of each task, in rows, with each partner, in columns; a panel for each suite and cell.

    The number is the gain in percent of STL, the sign before it the verdict; all panels have one scale of colours.

    Args:
        summary: of a study with pairs, as of `suite.pairs=all`.
        ax: axes to draw in, one for each panel; by default a figure is made.
        size: its width, a key of `SIZES`.

    Raises:
        ConfigError: no task has several partners, or there is no gain yet.
    """
    found = matrix_table(summary)
    if found.empty:
        raise ConfigError([f"the study {LEVELS['matrix'].lacking}"])
    refuse_empty(found["gain_pct"])
    groups = matrices(found)
    names = [f"{suite}  {cell}" if len(groups) > 1 else suite for (suite, cell), _ in groups]
    tasks = max(part["task"].nunique() for _, part in groups)
    partners = max(part["partner"].nunique() for _, part in groups)
    longest = max(map(len, found["task"].astype(str)))
    panel_in = letters_in(longest, 7) + 0.5 * partners + 0.2
    across = max(1, int(SIZES[size] / panel_in))
    cell_in = (SIZES[size] / min(across, len(groups)) - letters_in(longest, 7) - 0.8) / partners
    height_in = _AROUND_IN + letters_in(longest, 7) * 0.6 + _CELL_IN * tasks
    canvas = Canvas(names, ax, size, height_in, across)
    reach = float(found["gain_pct"].abs().max()) or 1.0
    for axes, name, (_, part) in zip(canvas.axes, names, groups, strict=True):
        image = _draw_panel(axes, part, reach, cell_in)
        canvas.title(axes, name)
    if canvas.figure is not None:
        bar = canvas.figure.colorbar(image, ax=canvas.axes, fraction=0.04, pad=0.01, aspect=30)
        bar.set_label("gain, % of STL  (sharing hurts ← 0 → helps)", fontsize=6.5)
        bar.outline.set_visible(False)
    rows = summary.rows[summary.rows["cell_id"].isin(set(found["cell_id"]))]
    shows = f"Mean gain of the task in the row, trained with the task in the column ({_SIGNS})"
    return canvas.done(caption(rows, shows))


def _draw_panel(axes: Axes, part: pd.DataFrame, reach: float, cell_in: float) -> Any:
    tasks = [str(task) for task in dict.fromkeys(part["task"])]
    partners = [name for name in tasks if (part["partner"] == name).any()]
    partners += [str(name) for name in dict.fromkeys(part["partner"]) if name not in tasks]
    records: list[Any] = list(part.itertuples())
    cells = {(str(row.task), str(row.partner)): row for row in records}
    values = np.full((len(tasks), len(partners)), np.nan)
    for (task, partner), row in cells.items():
        values[tasks.index(task), partners.index(partner)] = row.gain_pct
    axes.set_facecolor(PALE)
    image = axes.imshow(values, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto")
    for (task, partner), row in cells.items():
        at = partners.index(partner), tasks.index(task)
        dark = abs(row.gain_pct) > _DARK * reach
        weight = "bold" if row.verdict in ("negative", "positive") else "normal"
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 6.5, "weight": weight}
        told = gain_cell(row) if cell_in >= _WIDE_CELL_IN else gain_cell(row).replace(" ", "\n")
        axes.text(*at, told, color="white" if dark else INK, **look)
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_xticks(range(len(partners)), partners, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_xlabel("trained with")
    axes.set_ylabel("gain of")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
