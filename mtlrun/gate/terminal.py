"""The table on the terminal: coloured where there is colour, readable without."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

from mtlrun.gate.result import GateResult
from mtlrun.gate.wording import HEADER, cells, sentences, title
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

_NUMBERS = ("gain in lock", "change %", "margin %", "seeds")
_FOLDED = ("strategy", "note")


def to_terminal(result: GateResult, style: Style | None = None) -> str:
    """Return the sentences and the table, from bad to good; the note is left out where no row has one.

    Strategy and note are folded where they do not fit. The rest never is: a stream that is too narrow for it gets
    longer lines, so that nothing is lost in the log of a CI.
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
    table = _table(result, style)
    for part in (Text(title(result), "bold"), *map(Text, sentences(result)), ""):
        console.print(part)
    wide = console.options.update(max_width=10_000)
    console.width = max(console.width, console.measure(table, options=wide).minimum)
    console.print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def _table(result: GateResult, style: Style) -> Table:
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    lines = [cells(row) for row in result.rows]
    kept = [i for i, name in enumerate(HEADER) if name != "note" or any(line[i] for line in lines)]
    shape = box.ASCII_DOUBLE_HEAD if style.ascii_only else box.SIMPLE_HEAD
    table = Table(box=shape, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for i in kept:
        least = 20 if HEADER[i] in _FOLDED else max(map(cell_len, [HEADER[i], *(line[i] for line in lines)]))
        justify: Literal["left", "right"] = "right" if HEADER[i] in _NUMBERS else "left"
        table.add_column(HEADER[i], justify=justify, overflow="fold", min_width=least)
    for row, line in zip(result.rows, lines, strict=True):
        table.add_row(*(Text(line[i], COLOURS[row.outcome] if not i else "") for i in kept))
    return table
