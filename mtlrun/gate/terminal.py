"""The table on the terminal: coloured where there is colour, readable without."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtlrun.gate.result import GateResult
from mtlrun.gate.wording import HEADER, below, cells, sentences, shared_notes, title
from mtlrun.report.formats.fitting import UNLIMITED, columns_width, wrapped_columns
from mtlrun.report.formats.terminal import Style

if TYPE_CHECKING:
    from rich.table import Table

COLOURS = {
    "regressed": "bold red",
    "missing": "yellow",
    "underpowered": "yellow",
    "changed verdict": "cyan",
    "improved": "green",
    "pass": "",
}

LEAST_NOTE = 30  # columns in which a note can be read

_STICKS = "\u00a0"
"""Stands for a blank at which no line is broken."""

_NUMBERS = ("gain in lock %", "change %", "margin %", "seeds")


def to_terminal(result: GateResult, style: Style | None = None) -> str:
    """Return the sentences and the table, from bad to good; the note is left out where no row has one of its own.

    Where the table does not fit, its cells are folded between words, the longest first. Words never are broken: a
    stream that is too narrow for them gets longer lines, so that nothing is lost in the log of a CI.
    """
    from rich.console import Console
    from rich.text import Text

    style = style or Style()
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=style.width,
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        highlight=False,
        legacy_windows=False,
    )
    shared = shared_notes(result.rows)
    table, notes = _table(result, style, shared)
    for part in (Text(title(result), "bold"), *map(Text, sentences(result)), ""):
        console.print(part)
    console.width = UNLIMITED
    console.print(table)
    console.width = style.width
    notes += [below(shared)] if shared else []
    for part in ("", *map(Text, notes)) if notes else ():
        console.print(part)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def _table(result: GateResult, style: Style, shared: Sequence[str]) -> tuple[Table, list[str]]:
    """Return the table and the notes to stand below it."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    columns, notes = _columns(result, style.width, shared)
    shape = box.ASCII_DOUBLE_HEAD if style.ascii_only else box.SIMPLE_HEAD
    table = Table(box=shape, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        figure = column[0].replace("\n", " ") in _NUMBERS
        table.add_column(column[0], justify="right" if figure else "left", no_wrap=True)
    for place, row in enumerate(result.rows, 1):
        line = [column[place] for column in columns]
        table.add_row(*(Text(cell, COLOURS[row.outcome] if not i else "") for i, cell in enumerate(line)))
    return table, notes


def _columns(result: GateResult, width: int, shared: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """Return the columns, each with its name first, and the notes that there is no room for, by number."""
    lines = [cells(row, shared) for row in result.rows]
    *columns, notes = (list(column) for column in zip(HEADER, *lines, strict=True))
    columns = [[cell.replace("-> ", f"->{_STICKS}") for cell in column] for column in columns]
    below_table: list[str] = []
    if any(notes[1:]):
        room = width - columns_width(wrapped_columns(columns, 0, 1), 1) - 2
        if room < min(LEAST_NOTE, max(map(len, notes))):
            below_table = list(dict.fromkeys(note for note in notes[1:] if note))
            notes[1:] = [str(below_table.index(note) + 1) if note else "" for note in notes[1:]]
            below_table = [f"note {number}: {note}" for number, note in enumerate(below_table, 1)]
            room = len(notes[0])
        least = min(max(room, len(notes[0])), LEAST_NOTE, max(map(len, notes)))
        columns = wrapped_columns(columns, width - least - 2, 1)
        notes = wrapped_columns([notes], max(least, width - columns_width(columns, 1) - 2), 1)[0]
        columns.append(notes)
    else:
        columns = wrapped_columns(columns, width, 1)
    return [[cell.replace(_STICKS, " ") for cell in column] for column in columns], below_table
