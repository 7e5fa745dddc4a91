"""SVG and PNG: the picture of a table. The same summary gives the same bytes."""

from __future__ import annotations

import io
from typing import Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.levels import LEVELS, ROWS, load

_MOST_PIXELS = 60_000


def to_svg(summary: Summary, level: str = ROWS) -> bytes:
    """Return the picture of a table as SVG."""
    return _save(summary, level, "svg", {"Date": None, "Creator": None})


def to_png(summary: Summary, level: str = ROWS) -> bytes:
    """Return the picture of a table as PNG."""
    return _save(summary, level, "png", {"Software": None})


def _save(summary: Summary, level: str, kind: str, metadata: dict[str, None]) -> bytes:
    from matplotlib import style

    settings: Any = {"svg.hashsalt": "mtlrun", "font.size": 9, "text.parse_math": False}
    buffer = io.BytesIO()
    with style.context(["default", settings]):  # not what the user's matplotlibrc says
        figure = load(LEVELS[level].picture)(summary)
        dpi = min(160.0, _MOST_PIXELS / figure.get_figheight())
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata, facecolor="white")
    return buffer.getvalue()
