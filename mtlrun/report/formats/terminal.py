"""The table on the terminal: coloured where there is colour, readable without."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from mtlrun.report.analysis.summary import Summary, changed
from mtlrun.report.formats.fitting import UNLIMITED, Fitted, block_width, fitted_block, left_out
from mtlrun.report.text.chosen_columns import chosen_row_blocks
from mtlrun.report.text.main_table import FIGURES, row_blocks
from mtlrun.report.text.number_format import ASCII, UNICODE
from mtlrun.report.text.sections import level_block, sections
from mtlrun.report.text.sentences import footnote, sentences

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

COLOURS = {
    "negative": "bold red",
    "positive": "bold green",
    "neutral": "cyan",
    "inconclusive": "yellow",
    "worse": "bold red",
    "repairs": "bold green",
    "better": "green",
    "partly": "green",
    "no effect": "cyan",
    "dominated": "bold red",
    "beyond it": "bold green",
    "on the front": "cyan",
    "undecided": "yellow",
}

_LAYOUTS = (
    (1, True, ()),
    (0, True, ()),
    (1, False, ()),
    (0, False, ()),
    (0, False, ("p",)),
    (0, False, ("p", "STL", "MTL")),
)
"""From wide to narrow: blanks between columns beyond one, standard deviations, figures left out."""

MOST_ROWS = 1000
"""Rows, and contrasts, that the page of a study shows: nobody reads more, and they take long to lay out."""

_ASCII_BOX = "    \n    \n -- \n    \n    \n    \n    \n    \n"


@dataclass(frozen=True)
class Style:
    """How wide, with or without colour, and whether only ASCII can be shown.

    Attributes:
        width: in columns.
        color: whether it has colour.
        ascii_only: whether other signs cannot be shown.
        fits: whether tables of other levels than `rows` are narrowed to the width; in files and pipes they are whole.
    """

    width: int = 100
    color: bool = False
    ascii_only: bool = False
    fits: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """Return what a stream can show; `NO_COLOR` in the environment turns colour off."""
        try:
            "▼▲±─".encode(stream.encoding or "ascii")
            ascii_only = False
        except UnicodeEncodeError:
            ascii_only = True
        is_terminal = stream.isatty()
        color = is_terminal and not os.environ.get("NO_COLOR")
        width = shutil.get_terminal_size((100, 24)).columns
        return cls(width, color, ascii_only, is_terminal or bool(os.environ.get("COLUMNS")))


def to_terminal(
    summary: Summary, level: str = "rows", style: Style | None = None, columns: Sequence[str] = ()
) -> str:
    """Return the tables and sentences, without a line break at the end.

    Where a table would be too wide, its texts are wrapped between words, and the least important columns are left
    out, which is said: of the rows first standard deviations, then p values and means. Not where `columns` names
    those that are wanted.

    Raises:
        ConfigError: there is no such level or column.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    style = style or Style()
    console = Console(
        file=io.StringIO(),
        width=style.width,
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        highlight=False,
        legacy_windows=False,
        safe_box=True,
    )
    if level == "rows":
        parts = _pages(summary, style, columns)
    else:
        marks = ASCII if style.ascii_only else UNICODE
        block = level_block(summary, level, marks, columns)
        width = style.width if style.fits else UNLIMITED
        fitted = fitted_block(block, width, whole=bool(columns))
        note = " ".join(filter(None, [footnote(summary, level, marks), left_out(fitted.left_out)]))
        parts = _table(fitted, style)
        parts += ["", Text(note, "dim")] if note else []
    for part in parts:
        # a table's lines are rather too long than broken within words
        console.width = UNLIMITED if isinstance(part, Table) else style.width
        console.print(part)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    lines = (line.rstrip() for line in text.splitlines())
    return "\n".join(lines).rstrip("\n")


def _pages(summary: Summary, style: Style, columns: Sequence[str]) -> list[RenderableType]:
    from rich.text import Text

    marks = ASCII if style.ascii_only else UNICODE
    shown = changed(summary, rows=summary.rows.iloc[:MOST_ROWS])
    for gap, spread, leave_out in [(1, True, ())] if columns else _LAYOUTS:
        blocks = (
            chosen_row_blocks(shown, columns, marks)
            if columns
            else row_blocks(shown, marks, spread, leave_out)
        )
        if all(block_width(block, gap) <= style.width for block in blocks):
            break
    fitted = [fitted_block(block, style.width, gap, bool(columns)) for block in blocks]
    tables = [
        (heading, [fitted_block(b, style.width) for b in found])
        for _, heading, found in sections(
            changed(summary, contrasts=summary.contrasts.iloc[:MOST_ROWS]), marks
        )
    ]
    parts: list[RenderableType] = [part for block in fitted for part in (*_table(block, style), "")]
    parts += [_not_shown("rows", len(summary.rows)), ""] if len(summary.rows) > MOST_ROWS else []
    for heading, found in tables:
        parts.append(Text(heading, "underline"))
        parts += [part for block in found for part in (*_table(block, style), "")]
    parts += (
        [_not_shown("contrasts", len(summary.contrasts)), ""] if len(summary.contrasts) > MOST_ROWS else []
    )
    parts += [Text(sentence, "bold") for sentence in sentences(summary)]
    missing = [*(["standard deviations"] if not spread else []), *leave_out]
    missing += [
        name for block in (*fitted, *(b for _, found in tables for b in found)) for name in block.left_out
    ]
    note = " ".join(filter(None, [footnote(summary, "rows", marks), left_out(missing)]))
    return [*parts, Text(note, "dim")]


def _not_shown(level: str, rows: int) -> Text:
    """Return what to do to see the rest of a long table."""
    from rich.text import Text

    way = f"`--filter` and `--sort` choose, `--level {level} --format csv` has all"
    return Text(f"{rows - MOST_ROWS:,} further {level} are not shown: {way}.", "bold")


def _table(fitted: Fitted, style: Style) -> list[RenderableType]:
    """Return the title of a table, and the table."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    block, gap = fitted.block, fitted.gap
    made = Table(
        box=box.Box(_ASCII_BOX, ascii=True) if style.ascii_only else box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, gap, 0, 0),
        show_edge=False,
    )
    for name in block.header:
        figure = name in FIGURES
        made.add_column(
            escape(name),
            justify="right" if figure and name != "verdict" else "left",
            no_wrap=True,
            overflow="fold",
        )
    for position, (cells, told) in enumerate(zip(block.lines, block.words, strict=True)):
        if block.starts[position] and position:
            made.add_section()
        made.add_row(
            *(Text(cell, COLOURS.get(word or "", "")) for cell, word in zip(cells, told, strict=True))
        )
    title = Text.assemble((block.title, "bold"), (f"  {block.note}" if block.note else "", "dim"))
    return [title, made]
