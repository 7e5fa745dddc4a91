"""The table on the terminal: coloured where there is colour, readable without."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TextIO

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text.chosen_columns import chosen_columns, chosen_row_blocks
from mtlrun.report.text.main_table import FIGURES, Block, row_blocks
from mtlrun.report.text.number_format import ASCII, UNICODE
from mtlrun.report.text.sections import level_block, sections
from mtlrun.report.text.sentences import footnote, sentences

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

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

UNLIMITED = 100_000
_BETWEEN_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
_ASCII_BOX = "    \n    \n -- \n    \n    \n    \n    \n    \n"


@dataclass(frozen=True)
class Style:
    """How wide, with or without colour, and whether only ASCII can be shown."""

    width: int = 100
    color: bool = False
    ascii_only: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """Return what a stream can show; `NO_COLOR` in the environment turns colour off."""
        try:
            "▼▲±─".encode(stream.encoding or "ascii")
            ascii_only = False
        except UnicodeEncodeError:
            ascii_only = True
        color = stream.isatty() and not os.environ.get("NO_COLOR")
        return cls(shutil.get_terminal_size((100, 24)).columns, color, ascii_only)


def to_terminal(
    summary: Summary, level: str = "rows", style: Style | None = None, columns: Sequence[str] = ()
) -> str:
    """Return the tables and sentences, without a line break at the end.

    Another level than `rows` gives one table as it is, its lines as long as they are. Where the table would be
    too wide, first standard deviations, then p values and means are left out, unless `columns` names those that are
    wanted.

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
        note = footnote(summary, level, marks)
        block = chosen_columns(level_block(summary, level, marks), columns)
        parts = [_table(block, replace(style, width=UNLIMITED), 1)]
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
    for gap, spread, leave_out in [(1, True, ())] if columns else _LAYOUTS:
        if columns:
            blocks = chosen_row_blocks(summary, columns, marks)
        else:
            blocks = row_blocks(summary, marks, spread, leave_out)
        if all(_width(block, gap) <= style.width for block in blocks):
            break
    parts: list[RenderableType] = [part for block in blocks for part in (_table(block, style, gap), "")]
    for _, heading, found in sections(summary, marks):
        parts.append(Text(heading, "underline"))
        parts += [part for block in found for part in (_table(_folded(block, style.width), style, 1), "")]
    parts += [Text(sentence, "bold") for sentence in sentences(summary)]
    missing = [*(["standard deviations"] if not spread else []), *leave_out]
    narrow = f" Left out for lack of width: {', '.join(missing)}." if missing else ""
    return [*parts, Text(footnote(summary, "rows", marks) + narrow, "dim")]


def _folded(block: Block, width: int) -> Block:
    """Return a block whose intervals stand on lines of their own if its lines are too long: none is broken within."""
    if _width(block, 1) <= width:
        return block
    return replace(block, lines=[[cell.replace(" [", "\n[") for cell in cells] for cells in block.lines])


def _wrapped(block: Block, width: int, gap: int) -> Block:
    """Return a block that wide at most, if wrapping cells between words gives it; figures are never wrapped."""
    columns = [[name, *cells] for name, *cells in zip(block.header, *block.lines, strict=True)]
    header, *lines = zip(*wrapped_columns(columns, width, gap, FIGURES), strict=True) if columns else [()]
    return replace(block, header=list(header), lines=[list(line) for line in lines])


def wrapped_columns(
    columns: Sequence[list[str]], width: int, gap: int, fixed: Container[str] = ()
) -> list[list[str]]:
    """Return columns of cells with line breaks between words, the widest first, until a table fits.

    Args:
        columns: each with its name as the first cell.
        width: of the table, unless words are too long for it.
        gap: blanks between columns beyond one.
        fixed: names of columns that stay as they are.
    """
    from rich.cells import cell_len

    found = list(columns)
    excess = columns_width(columns, gap) - width
    for position in sorted(range(len(columns)), key=lambda k: -max(map(cell_len, columns[k]))):
        if excess <= 0 or columns[position][0] in fixed:
            continue
        widest = max(map(cell_len, columns[position]))
        least = max((cell_len(word) for text in columns[position] for word in text.split(" ")), default=0)
        target = max(least, widest - excess)
        found[position] = ["\n".join(wrap(text, target, **_BETWEEN_WORDS)) for text in columns[position]]
        excess -= widest - target
    return found


def _width(block: Block, gap: int) -> int:
    return columns_width(list(zip(block.header, *block.lines, strict=True)), gap)


def columns_width(columns: Sequence[Sequence[str]], gap: int) -> int:
    """Return the width of a table; cells may have several lines."""
    from rich.cells import cell_len

    lines = ([line for text in column for line in text.splitlines()] for column in columns)
    return sum(max(map(cell_len, column), default=0) + 1 + gap for column in lines) - 1


def _table(block: Block, style: Style, gap: int) -> Table:
    block = _wrapped(block, style.width, gap)
    from rich import box
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    title = f"[bold]{escape(block.title)}[/]" + (f"  [dim]{escape(block.note)}[/]" if block.note else "")
    made = Table(
        title=title,
        title_justify="left",
        title_style="",
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
    return made
