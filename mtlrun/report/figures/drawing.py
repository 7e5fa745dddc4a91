"""What the pictures have in common: sizes, axes that are their own or given, titles, captions and legends."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.style import styled
from mtlrun.report.levels import SIZES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Given = Axes | Sequence[Axes] | None
    Drawn = Figure | Axes | list[Axes]

USUAL_SIZE = "two-column"
PAGE_IN = 8.7
"""The height of a page of print: 1,392 pixels of PNG."""

_CAPTION_POINTS, _TITLE_POINTS, _LINE_IN = 6.5, 7.0, 0.125
_LEAST_HEIGHT_IN, _BOLD = 1.05, 1.13
_EMS = 0.54
"""The mean width of a letter, in sizes of the type."""


def picture(
    draw: Callable[Concatenate[Summary, Given, str, ...], Drawn],
) -> Callable[..., Drawn]:
    """Let a function draw a figure of its own in the package's style, or into axes that are given as they are.

    The function is called with a summary, with axes or None, with a size, and with what else it takes by name.
    `style` is as of `styled`; what is drawn into given axes follows the settings in use.
    """

    @functools.wraps(draw)
    def drawn(
        summary: Summary, ax: Given = None, *, size: str = USUAL_SIZE, style: str | None = None, **rest: Any
    ) -> Drawn:
        if size not in SIZES:
            raise ConfigError([Fault("--size", "must name a size", size, list(SIZES))])
        if ax is not None:
            return draw(summary, ax, size, **rest)
        with styled(style):
            return draw(summary, None, size, **rest)

    return drawn


class Canvas:
    """Axes for the panels of a picture: those of a figure of its own, or the given ones.

    Args:
        names: of the panels.
        given: as many axes, or one for a single panel; None for a figure.
        size: a key of `SIZES`.
        height_in: of one panel; less where so many are higher than a page.
        across: at most so many panels side by side.
    """

    def __init__(
        self, names: Sequence[str], given: Given, size: str, height_in: float, across: int = 1
    ) -> None:
        self.width_in = SIZES[size]
        self.figure: Figure | None = None
        self.panel_in = self.width_in / max(1, min(across, len(names)))
        if given is None:
            across = max(1, min(across, len(names)))
            down = -(-len(names) // across)
            height_in = max(_LEAST_HEIGHT_IN, min(height_in, PAGE_IN / down))
            self.figure = new_figure(self.width_in, height_in * down)
            self.axes = [self.figure.add_subplot(down, across, place + 1) for place in range(len(names))]
        else:
            self.axes = _given_axes(given, names)

    def title(self, axes: Axes, text: str) -> None:
        """Write the title of a panel, in lines as long as it is wide."""
        axes.set_title(wrapped(text, self.panel_in - 0.35, _TITLE_POINTS * _BOLD), fontsize=_TITLE_POINTS)

    def done(self, caption: str = "", title: str = "", handles: Sequence[Any] = ()) -> Drawn:
        """Return the figure with its title, caption and legend; or the given axes, the last of them with a legend."""
        if self.figure is None:
            if handles:
                self.axes[-1].legend(handles=list(handles))
            return self.axes[0] if len(self.axes) == 1 else self.axes
        finish(self.figure, caption, title, handles)
        return self.figure


def _given_axes(given: Any, names: Sequence[str]) -> list[Axes]:
    import numpy as np

    axes: list[Axes] = list(np.ravel(given))
    if len(axes) != len(names):
        raise ConfigError(
            [
                f"`ax` must have one axes for each panel of this picture, {len(names)} ({', '.join(names)}), found "
                f"{len(axes)}; filters leave fewer"
            ]
        )
    return axes


def finish(figure: Figure, caption: str, title: str = "", handles: Sequence[Any] = ()) -> None:
    """Write a title above the panels of a figure, and below them a caption and a legend; it grows by their height."""
    width_in = figure.get_figwidth()
    text = wrapped(caption, 0.97 * width_in, _CAPTION_POINTS) if caption else ""
    longest = max((len(handle.get_label()) for handle in handles), default=0)
    columns = max(1, min(len(handles), int(0.97 * width_in / (letters_in(longest, 7) + 0.55))))
    lines = len(text.splitlines()) + -(-len(handles) // columns) * 1.25
    more_in = _LINE_IN * lines
    if title:
        told = wrapped(title, 0.97 * width_in, 9)
        figure.suptitle(told, x=0.01, ha="left")
        more_in += 0.2 * len(told.splitlines())
    figure.set_figheight(figure.get_figheight() + more_in)
    if handles or text:
        figure.legend(
            handles=list(handles),
            loc="outside lower left",
            ncols=columns,
            title=text or None,
            alignment="left",
            title_fontproperties={"size": _CAPTION_POINTS},
            borderaxespad=0.2,
            borderpad=0.1,
        )


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure with a canvas of its own, so that no global state of matplotlib is touched."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def refuse_empty(gains: pd.Series) -> None:
    """Raise ConfigError where there is no gain to draw, as in a study without its baselines."""
    if gains.isna().all():
        raise ConfigError(
            ["nothing to draw: no seed has finished both with the other tasks and alone, so no gain is known"]
        )


def refuse_many(panels: int, across: int, each: str) -> None:
    """Raise ConfigError where a picture has more panels, one for each of something, than a page holds."""
    most = max(1, across) * int(PAGE_IN / _LEAST_HEIGHT_IN)
    if panels > most:
        told = (
            f"{panels:,} panels, one for each {each}, are more than the {most} that a page of this size holds"
        )
        raise ConfigError(
            [f"{told}: choose with `--filter`, as `--filter mitigation=none`, or a wider `--size`"]
        )


def letters_in(count: int, points: float) -> float:
    """Return about how wide so many letters are, in inches."""
    return count * points * _EMS / 72


def wrapped(text: str, width_in: float, points: float) -> str:
    """Return text in lines that fit a width at a size of type."""
    # blanks stay as they are: names of settings stand two apart
    return textwrap.fill(text, max(20, int(width_in / letters_in(1, points))))


def shortened(text: str, length: int) -> str:
    """Return text of at most so many letters."""
    return text if len(text) <= length else text[: length - 1] + "…"
