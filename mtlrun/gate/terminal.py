"""The table on the terminal: coloured where there is colour, readable without."""

from __future__ import annotations

import io

from mtlrun.gate.result import GateResult
from mtlrun.gate.wording import HEADER, cells, sentences, title
from mtlrun.report.terminal import Style

COLOURS = {
    "regressed": "bold red",
    "missing": "yellow",
    "underpowered": "yellow",
    "changed verdict": "cyan",
    "improved": "green",
    "pass": "",
}

_NUMBERS = ("gain in lock", "change %", "margin %", "seeds")


def to_terminal(result: GateResult, style: Style | None = None) -> str:
    """Return the sentences and the table, from bad to good; cells are folded where they do not fit."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
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
    table = Table(box=box.ASCII2 if style.ascii_only else box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in HEADER:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", overflow="fold")
    for row in result.rows:
        table.add_row(
            *(Text(cell, COLOURS[row.outcome] if not i else "") for i, cell in enumerate(cells(row)))
        )
    for part in (Text(title(result), "bold"), *map(Text, sentences(result)), "", table):
        console.print(part)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
