"""Which columns a table has, so that it fits the width of a page: of an article, and of both columns of a journal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.latex.escape import longest_piece, width
from mtlrun.report.text.chosen_columns import chosen_row_blocks
from mtlrun.report.text.main_table import FIGURES, GAIN, Block, in_order, row_blocks
from mtlrun.report.text.number_format import ABSOLUTE, UNICODE

POINTS = 8.0
"""Size of the tables' type, and so an em."""

LINE = 345.0
"""Width in points of a page of LaTeX's article, the narrowest of the usual classes."""

PAGE = 0.975 * LINE / POINTS
"""This width in em, less a little reserve."""

GAP = 0.625
"""Between two columns, in em: twice the 2.5 points of \\tabcolsep."""

_NUMBER = re.compile(r"[-+]\d+\.\d+")

_BOLD = 1.15
"""How many times as wide as other text bold text is."""

_LEAST = 4.5
"""Width in em that a wrapped column has at least."""

_WRAPPED = 12.0
"""Width in em that a column of text is worth before others are left out."""

LAYOUTS = (
    (True, False, ()),
    (True, True, ()),
    (False, True, ()),
    (False, True, ("p",)),
    (False, True, ("p", "seeds")),
    (False, True, ("p", "seeds", "STL")),
    (False, True, ("p", "seeds", "STL", "MTL")),
)
"""From wide to narrow: standard deviations, verdicts as signs alone, figures left out."""


@dataclass(frozen=True)
class Fitted:
    """A table that fits.

    Attributes:
        block: with the columns that it keeps.
        bold: by line and column, whether a cell is the best of its task.
        rooms: of columns whose text is broken into lines, their width in em.
        left_out: what was left out for lack of width, in words.
        signs: whether verdicts are signs alone.
        seeds: the number of seeds where all lines have the same, which then is no column.
    """

    block: Block
    bold: list[list[bool]]
    rooms: Mapping[int, float]
    left_out: list[str]
    signs: bool = False
    seeds: str = ""

    def lines_of(self, cells: Sequence[str]) -> int:
        """Return in how many lines of type a line of the table is set."""
        return max([1, *(math.ceil(1.2 * width(cells[c]) / room) for c, room in self.rooms.items())])


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
        blocks = [_rounded(block) for block in row_blocks(summary, UNICODE, spread, leave_out)]
        made = [_without_seeds(_with_signs(block) if signs else block) for block in blocks]
        bold = [_best(summary, block) for block, _ in made]
        if all(_fits(block, marks) for (block, _), marks in zip(made, bold, strict=True)):
            break
    left_out = [*([] if spread else ["standard deviations"]), *leave_out]
    return [
        replace(_wrapped(block, marks, left_out), signs=signs, seeds=seeds)
        for (block, seeds), marks in zip(made, bold, strict=True)
    ]


def fitted_level(block: Block, chosen: bool) -> Fitted:
    """Return another table: its first columns, as many as fit, unless its columns were chosen."""
    kept, used = [], 0.0
    for place, natural in enumerate(column_widths(block)):
        wide = min(natural, _WRAPPED) + GAP
        if chosen or used + wide <= PAGE:
            kept.append(place)
            used += wide
    left_out = [name for place, name in enumerate(block.header) if place not in kept]
    return _wrapped(_columns(block, kept), [[False] * len(kept) for _ in block.lines], left_out)


def column_widths(block: Block, bold: Sequence[Sequence[bool]] = ()) -> list[float]:
    """Return the width in em of each column; those with bold cells are wider."""
    columns = list(zip(block.header, *block.lines, strict=True))
    heavy = [any(column) for column in zip(*bold, strict=True)] or [False] * len(columns)
    return [
        (_BOLD if is_bold else 1.0) * max(map(width, column))
        for column, is_bold in zip(columns, heavy, strict=True)
    ]


def _fits(block: Block, bold: Sequence[Sequence[bool]]) -> bool:
    return sum(column_widths(block, bold)) + GAP * len(block.header) <= PAGE


def _wrapped(block: Block, bold: list[list[bool]], left_out: list[str]) -> Fitted:
    """Return a table whose widest columns of text are wrapped: as few as it takes, between words where that fits."""
    widths = column_widths(block, bold)
    columns = list(zip(block.header, *block.lines, strict=True))
    whole = [min(_WRAPPED, max(map(longest_piece, column))) for column in columns]
    rooms: dict[int, float] = {}
    for least in (whole, [_LEAST] * len(widths)):
        rooms, fits = _rooms(block.header, widths, least)
        if fits:
            break
    return Fitted(block, bold, rooms, left_out)


def _rooms(
    header: Sequence[str], widths: Sequence[float], least: Sequence[float]
) -> tuple[dict[int, float], bool]:
    """Return the widths of the columns to wrap, at least so wide, and whether the table then fits."""
    order = [c for c, name in enumerate(header) if name not in FIGURES and widths[c] > least[c]]
    order.sort(key=lambda c: least[c] - widths[c])
    total, count = sum(widths) + GAP * len(widths), 0
    while total > PAGE and count < len(order):
        total -= widths[order[count]] - least[order[count]]
        count += 1
    chosen = order[:count]
    spare, wanted = max(PAGE - total, 0.0), sum(widths[c] - least[c] for c in chosen)
    return {c: least[c] + spare * (widths[c] - least[c]) / wanted for c in chosen}, total <= PAGE


def _rounded(block: Block) -> Block:
    """Return a table whose gains of 100 % and more have no decimals."""
    if GAIN not in block.header:
        return block
    at = block.header.index(GAIN)
    lines = [[*cells[:at], _without_decimals(cells[at]), *cells[at + 1 :]] for cells in block.lines]
    return replace(block, lines=lines)


def _without_decimals(gain: str) -> str:
    found = [abs(float(number)) for number in _NUMBER.findall(gain)]
    if gain.endswith(ABSOLUTE) or max(found, default=0.0) < 100:
        return gain
    return _NUMBER.sub(lambda number: f"{float(number[0]):+.0f}", gain)


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
    rows = in_order(rows, summary.sort).reset_index(drop=True)
    column = next((name for name in ("MTL", GAIN) if name in block.header), None)
    marks = [[False] * len(block.header) for _ in block.lines]
    if column is None:
        return marks
    at = block.header.index(column)
    for _, part in rows.groupby("task", sort=False):
        values = (part["mtl_mean"] if column == "MTL" else part["gain_pct"].fillna(part["diff"])).tolist()
        higher = column == GAIN or part["direction"].iloc[0] == "higher"
        known = [value for value in values if value == value]
        if len(known) > 1:
            best = values.index(max(known) if higher else min(known))
            told = [block.lines[place][at].split(" ")[0] for place in part.index]
            for place, text in zip(part.index, told, strict=True):
                marks[place][at] = text == told[best]
    return marks
