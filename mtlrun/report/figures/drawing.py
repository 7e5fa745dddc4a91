"""What the pictures have in common: colours, and figures that touch no global state of matplotlib."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from mtlrun.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, PALE = "#23201d", "#77716a", "#d9d5ce"
LOSS, GAIN = "#c8401e", "#00795c"
COLOURS = ("#0067a5", LOSS, GAIN, "#8a5a00", "#6b3fa0", "#b0006d", "#007a8a", "#4d6b00")
"""Of things that stand side by side; they differ for colour-blind readers too."""

_SCOPE_POINTS = 7


def new_figure(width_in: float, height_in: float, layout: str | None = "constrained") -> Figure:
    """Return an empty figure with a canvas of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout=layout)  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def refuse_empty(gains: pd.Series) -> None:
    """Raise ConfigError where there is no gain to draw, as in a study without its baselines."""
    if gains.isna().all():
        raise ConfigError(
            ["nothing to draw: no seed has finished both with the other tasks and alone, so no gain is known"]
        )


def wrapped(text: str, width_in: float, points: float) -> str:
    """Return text in lines that fit a width at a size of type."""
    return textwrap.fill(text, max(20, int(72 * width_in / (0.52 * points))))


def add_scope(figure: Figure, text: str) -> None:
    """Write under the pictures of a figure with constrained layout what its verdicts are about."""
    if text:
        shown = wrapped(text, 0.96 * figure.get_figwidth(), _SCOPE_POINTS)
        figure.supxlabel(shown, fontsize=_SCOPE_POINTS, color=FAINT, x=0.01, ha="left")


def keep_spines(axes: Axes, *sides: str) -> None:
    """Leave only the lines on these sides of a picture."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in sides)
