"""Tables of text that fit a width: texts wrapped between words, then columns left out, the least important first."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Any

from mtlrun.report.text.main_table import FIGURES, GAIN, Block

UNLIMITED = 100_000

KEPT = (
    *("task", "tasks", "mitigation", GAIN, "gain_pct", "delta_m", "mean_gain", "d", "verdict", "seed"),
    *(
        "mtl",
        "stl",
        "MTL",
        "STL",
        "conflict %",
        "quantity",
        "value",
        "partner",
        "part",
        "against",
        "lead_pct",
    ),
    *("suite", "sharing", "cell", "setting", "last MTL", "last STL", "best MTL", "best STL"),
    *("gap MTL", "gap STL"),
)
"""Columns that stay longest where there is no room for all, the most important first; of others the last goes."""

_BETWEEN_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
_BESIDE = "\N{NO-BREAK SPACE}"
_WITHIN = re.compile(r" (?=[^\[\]]*\])|(?<=[^\W\d]) (?=\d)")
"""Blanks at which no line is broken: inside an interval, and between a name and its number."""

_INTERVAL = re.compile(r" \[[^\[\]]*\]")


@dataclass(frozen=True)
class Fitted:
    """A table that fits, as far as it can.

    Attributes:
        block: with line breaks in its cells, and with the columns that it keeps.
        gap: blanks between columns beyond one.
        left_out: names of the columns that it lacks.
    """

    block: Block
    gap: int
    left_out: list[str]


def fitted_block(block: Block, width: int, gap: int = 1, whole: bool = False) -> Fitted:
    """Return a table at most so wide, if that can be: no number is ever broken.

    Args:
        block: the table.
        width: in columns of the terminal.
        gap: wanted between columns beyond one blank; none where that makes it fit.
        whole: whether all columns stay, however wide.
    """
    gap = gap if block_width(block, gap) <= width else 0
    left: list[str] = []
    while True:
        made = _wrapped(block, width, gap)
        if block_width(made, gap) <= width or whole or len(block.header) < 3:
            return Fitted(made, gap, left)
        name, block = _shorter(block)
        left.append(name)


def left_out(names: Sequence[str]) -> str:
    """Return which columns were left out, and how they are seen; "" for none."""
    told = ", ".join(dict.fromkeys(name.strip() for name in names))
    ways = "a wider terminal shows more, --columns A,B others, --format csv all"
    return f"Left out for lack of width: {told} ({ways})." if told else ""


def block_width(block: Block, gap: int) -> int:
    """Return the width of a table."""
    return columns_width(list(zip(block.header, *block.lines, strict=True)), gap)


def columns_width(columns: Sequence[Sequence[str]], gap: int) -> int:
    """Return the width of columns side by side; cells may have several lines."""
    from rich.cells import cell_len

    lines = ([line for text in column for line in text.splitlines()] for column in columns)
    return sum(max(map(cell_len, column), default=0) + 1 + gap for column in lines) - 1


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
        cells = [_WITHIN.sub(_BESIDE, text) for text in columns[position]]
        widest = max(map(cell_len, cells))
        least = max((cell_len(word) for text in cells for word in text.split(" ")), default=0)
        target = max(least, widest - excess)
        found[position] = [
            "\n".join(wrap(text, target, **_BETWEEN_WORDS)).replace(_BESIDE, " ") for text in cells
        ]
        excess -= widest - target
    return found


def _wrapped(block: Block, width: int, gap: int) -> Block:
    """Return a block that wide at most, if wrapping cells between words gives it; figures are never wrapped."""
    columns = [[name, *cells] for name, *cells in zip(block.header, *block.lines, strict=True)]
    header, *lines = zip(*wrapped_columns(columns, width, gap, FIGURES), strict=True) if columns else [()]
    return replace(block, header=list(header), lines=[list(line) for line in lines])


def _shorter(block: Block) -> tuple[str, Block]:
    """Return what is left out next, and the table without it.

    The names of settings tell the lines of a table of gains apart: there seeds, the words of verdicts behind their
    signs, and intervals go first.
    """
    header = block.header
    if GAIN in header and "seeds" in header:
        return "seeds", _without(block, header.index("seeds"))
    if GAIN in header and "verdict" in header:
        at = header.index("verdict")
        lines = [_put(cells, at, cells[at].partition(" ")[0]) for cells in block.lines]
        return "words of verdicts", replace(block, header=_put(header, at, ""), lines=lines)
    if GAIN in header:
        at = header.index(GAIN)
        lines = [_put(cells, at, _INTERVAL.sub("", cells[at])) for cells in block.lines]
        return "intervals", replace(block, header=_put(header, at, "gain %"), lines=lines)
    others = [c for c in range(1, len(header)) if header[c] and header[c] not in (*KEPT, "gain %")]
    place = others[-1] if others else max(range(1, len(header)), key=lambda c: _rank(header[c]))
    return header[place], _without(block, place)


def _rank(name: str) -> int:
    """Return the place of a column in `KEPT`; gain and signs of verdicts stay to the end."""
    return KEPT.index(name) if name in KEPT else -1


def _put(cells: Sequence[str], at: int, cell: str) -> list[str]:
    return [*cells[:at], cell, *cells[at + 1 :]]


def _without(block: Block, place: int) -> Block:
    def kept(cells: list[Any]) -> list[Any]:
        return [cell for c, cell in enumerate(cells) if c != place]

    return replace(
        block,
        header=kept(block.header),
        lines=[kept(cells) for cells in block.lines],
        words=[kept(told) for told in block.words],
        group=block.group - (place < block.group),
    )
