"""Which columns a table has, so that it fits the width of a page: of an article, and of both columns of a journal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.latex.escape import width
from mtlrun.report.text.chosen_columns import chosen_row_blocks
from mtlrun.report.text.main_table import FIGURES, GAIN, Block, row_blocks
from mtlrun.report.text.number_format import UNICODE

PAGE = 42.0
"""Width of a page in em of the tables' type: 345 points, of LaTeX's article, at 8 points, less a little reserve."""

GAP = 0.75
"""Between two columns, in em: twice \\tabcolsep of 3 points."""

LAYOUTS = (
    (True, False, ()),
    (True, True, ()),
    (False, True, ()),
    (False, True, ("p",)),
    (False, True, ("p", "STL")),
    (False, True, ("p", "STL", "MTL")),
)
"""From wide to narrow: standard deviations, verdicts as signs alone, figures left out."""


@dataclass(frozen=True)
class Fitted:
    """A table that fits.

    Attributes:
        block: with the columns that it keeps.
        bold: by line and column, whether a cell is the best of its task.
        wrapped: columns whose text is broken into lines.
        left_out: what was left out for lack of width, in words.
        signs: whether verdicts are signs alone.
        seeds: the number of seeds where all lines have the same, which then is no column.
    """

    block: Block
    bold: list[list[bool]]
    wrapped: frozenset[int]
    left_out: list[str]
    signs: bool = False
    seeds: str = ""

    def lines_of(self, cells: Sequence[str]) -> int:
        """Return in how many lines of type a line of the table is set."""
        room = self.room
        return max([1, *(math.ceil(1.15 * width(cells[c]) / room) for c in self.wrapped)])

    @property
    def room(self) -> float:
        """Width in em of each column that is wrapped."""
        others = [w for c, w in enumerate(column_widths(self.block)) if c not in self.wrapped]
        gaps = GAP * len(self.block.header)
        return max(4.0, (PAGE - gaps - sum(others)) / max(1, len(self.wrapped)))


def fitted_rows(summary: Summary, columns: Sequence[str] = ()) -> list[Fitted]:
    """Return the table of each suite, all with the same columns of figures; the widest layout that fits.

    Args:
        summary: of a report.
        columns: the columns that are wanted; then none is left out.
    """
    if columns:
        blocks = chosen_row_blocks(summary, columns)
        return [_wrapped(block, _best(summary, block), []) for block in blocks]
    for spread, signs, leave_out in LAYOUTS:
        blocks = row_blocks(summary, UNICODE, spread, leave_out)
        made = [_without_seeds(_with_signs(block) if signs else block) for block in blocks]
        if all(total_width(block) <= PAGE for block, _ in made):
            break
    left_out = [*([] if spread else ["standard deviations"]), *leave_out]
    return [
        replace(_wrapped(block, _best(summary, block), left_out), signs=signs, seeds=seeds)
        for block, seeds in made
    ]


def fitted_level(block: Block, chosen: bool) -> Fitted:
    """Return another table: its first columns, as many as fit, unless its columns were chosen."""
    kept, used = [], 0.0
    for place, wide in enumerate(column_widths(block)):
        if chosen or used + wide + GAP <= PAGE:
            kept.append(place)
            used += wide + GAP
    left_out = [name for place, name in enumerate(block.header) if place not in kept]
    return _wrapped(_columns(block, kept), [[False] * len(kept) for _ in block.lines], left_out)


def column_widths(block: Block) -> list[float]:
    """Return the width in em of each column."""
    columns = zip(block.header, *block.lines, strict=True)
    return [max(map(width, column)) for column in columns]


def total_width(block: Block) -> float:
    """Return the width in em of a table."""
    return sum(column_widths(block)) + GAP * len(block.header)


def _wrapped(block: Block, bold: list[list[bool]], left_out: list[str]) -> Fitted:
    """Return a table whose widest columns of text are wrapped, as many as it takes."""
    widths = column_widths(block)
    wrapped: set[int] = set()
    for place in sorted(range(len(widths)), key=lambda c: -widths[c]):
        fitted = Fitted(block, bold, frozenset(wrapped), left_out)
        rest = sum(w for c, w in enumerate(widths) if c not in wrapped) + GAP * len(widths)
        if rest + 6.0 * len(wrapped) <= PAGE:
            return fitted
        if block.header[place] not in FIGURES:
            wrapped.add(place)
    return Fitted(block, bold, frozenset(wrapped), left_out)


def _with_signs(block: Block) -> Block:
    """Return a table whose verdicts are their signs, with what stands behind the word."""
    if "verdict" not in block.header:
        return block
    at = block.header.index("verdict")
    lines = [
        [cell.replace(f" {told[at]}", "", 1) if c == at else cell for c, cell in enumerate(cells)]
        for cells, told in zip(block.lines, block.words, strict=True)
    ]
    header = ["" if c == at else name for c, name in enumerate(block.header)]
    return replace(block, header=header, lines=lines)


def _without_seeds(block: Block) -> tuple[Block, str]:
    """Return a table without its column of seeds where all lines have the same number, and this number."""
    found = {cells[-1] for cells in block.lines}
    if block.header[-1] != "seeds" or len(found) != 1 or not (seeds := found.pop()).isdigit():
        return block, ""
    return _columns(block, list(range(len(block.header) - 1))), seeds


def _columns(block: Block, kept: Sequence[int]) -> Block:
    return replace(
        block,
        header=[block.header[c] for c in kept],
        lines=[[cells[c] for c in kept] for cells in block.lines],
        words=[[told[c] for c in kept] for told in block.words],
    )


def _best(summary: Summary, block: Block) -> list[list[bool]]:
    """Return which cells are the best MTL mean of their task; the best gain where that is no column.

    Means that look the same are all the best. A task with one setting has none.
    """
    rows = summary.rows[summary.rows["suite"] == block.title]
    groups = [part for _, part in rows.groupby("task", sort=False)]
    column = next((name for name in ("MTL", GAIN) if name in block.header), None)
    marks = [[False] * len(block.header) for _ in block.lines]
    if column is None:
        return marks
    at, begin = block.header.index(column), 0
    for part in groups:
        values = (part["mtl_mean"] if column == "MTL" else part["gain_pct"].fillna(part["diff"])).tolist()
        higher = column == GAIN or part["direction"].iloc[0] == "higher"
        known = [value for value in values if value == value]
        if len(known) > 1:
            best = values.index(max(known) if higher else min(known))
            told = [block.lines[begin + place][at].split(" ")[0] for place in range(len(part))]
            for place, text in enumerate(told):
                marks[begin + place][at] = text == told[best]
        begin += len(part)
    return marks
