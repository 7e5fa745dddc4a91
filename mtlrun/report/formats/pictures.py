"""PDF, SVG and PNG: the picture of a table. The same summary gives the same bytes."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.levels import LEVELS, ROWS, load

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_PIXELS, _NOTEBOOK_DPI = 60_000, 110
_UNDATED: dict[str, dict[str, None]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


def to_pdf(summary: Summary, level: str = ROWS, **choices: Any) -> bytes:
    """Return the picture of a table as PDF; `size` and `style` are as of `mtlrun.report.figures.drawing.picture`."""
    return _save(summary, level, "pdf", choices)


def to_svg(summary: Summary, level: str = ROWS, **choices: Any) -> bytes:
    """Return the picture of a table as SVG; `size` and `style` likewise."""
    return _save(summary, level, "svg", choices)


def to_png(summary: Summary, level: str = ROWS, **choices: Any) -> bytes:
    """Return the picture of a table as PNG; `size` and `style` likewise."""
    return _save(summary, level, "png", choices)


def _save(summary: Summary, level: str, kind: str, choices: dict[str, Any]) -> bytes:
    from matplotlib import rcParams

    from mtlrun.report.figures.style import styled

    buffer = io.BytesIO()
    with styled(choices.get("style")):
        figure = load(LEVELS[level].picture)(summary, **choices)
        dpi = min(float(rcParams["savefig.dpi"]), _MOST_PIXELS / figure.get_figheight())
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=_UNDATED[kind])
    return buffer.getvalue()


def show_in_notebook(figure: Figure) -> None:
    """Show a figure below the cell of a notebook that runs; elsewhere do nothing."""
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        return
    from IPython.display import Image, display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_NOTEBOOK_DPI)
    display(Image(data=buffer.getvalue()))
