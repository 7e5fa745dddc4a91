"""Tables with the columns that a reader asked for, in that order, and sorted by one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.named_columns import Order, known_columns, named_column, no_column
from mtlrun.report.setting_text import setting_text
from mtlrun.report.tables import plain
from mtlrun.report.text import number_format as words
from mtlrun.report.text.main_table import GAIN, Block, in_order, row_blocks

if TYPE_CHECKING:
    import pandas as pd

ALIASES = {"gain": GAIN}
"""Short names of columns."""

_NUMBER = re.compile(r"(?:[-+=?▼▲~<] ?)*?([-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![\w.])")
"""A number at the beginning of a cell, behind signs, as in `▼ -3.7` and `<.001`."""


def chosen_columns(block: Block, columns: Sequence[str]) -> Block:
    """Return a table with only these columns; as it is where none is named.

    Raises:
        ConfigError: it has no such column.
    """
    if not columns:
        return block
    wanted = [ALIASES.get(name, name) for name in columns]
    faults = [_fault("--columns", name, block.header) for name in wanted if name not in block.header]
    if faults:
        raise ConfigError(faults)
    kept = [block.header.index(name) for name in wanted]
    group = next((n for n, place in enumerate(kept) if place != n), len(kept))
    if group < block.group or (not block.group and kept[0]):
        block = block.ungrouped()
    return replace(
        block,
        header=[block.header[c] for c in kept],
        lines=[[cells[c] for c in kept] for cells in block.lines],
        words=[[told[c] for c in kept] for told in block.words],
    )


def sorted_block(block: Block, sort: str | None) -> Block:
    """Return a table sorted by a column, as `late` or `late:desc`: by the number that cells begin with, else by text.

    Raises:
        ConfigError: it has no such column.
    """
    if not sort:
        return block
    order = Order.parse(sort)
    name = ALIASES.get(order.column, order.column)
    if name not in block.header:
        raise ConfigError([_fault("--sort", order.column, block.header)])
    at, whole = block.header.index(name), block.ungrouped()
    keys = {place: _key(cells[at]) for place, cells in enumerate(whole.lines)}
    known = sorted(
        (p for p, key in keys.items() if key), key=lambda p: keys[p] or (), reverse=order.descending
    )
    places = [*known, *(place for place, key in keys.items() if not key)]
    return replace(whole, lines=[whole.lines[p] for p in places], words=[whole.words[p] for p in places])


def chosen_row_blocks(
    summary: Summary, columns: Sequence[str], marks: words.Marks = words.UNICODE
) -> list[Block]:
    """Return the table of each suite with these columns: those of the table, settings, or any column of `rows`.

    Raises:
        ConfigError: there is no such column.
    """
    blocks = row_blocks(summary, marks)
    header = dict.fromkeys(name for block in blocks for name in block.header)
    wanted = [ALIASES.get(name, name) for name in columns]
    known = [*header, *known_columns(summary.rows)]
    short = {name for name in wanted if named_column(summary.rows, name) is not None}
    if faults := [
        _fault("--columns", name, known) for name in wanted if name not in header and name not in short
    ]:
        raise ConfigError(faults)
    parts = summary.rows.groupby("suite", sort=False)
    return [
        chosen_columns(_extended(block, in_order(rows, summary.sort), wanted), wanted)
        for block, (_, rows) in zip(blocks, parts, strict=True)
    ]


def _extended(block: Block, rows: pd.DataFrame, wanted: Sequence[str]) -> Block:
    """Return a table with the wanted columns that it lacks; with the task on every line unless it is first."""
    added = [name for name in dict.fromkeys(wanted) if name not in block.header]
    values = [_texts(rows, name) for name in added]
    if wanted[0] != "task":
        tasks = rows["task"].astype(str).tolist()
        lines = [[task, *cells[1:]] for task, cells in zip(tasks, block.lines, strict=True)]
        block = replace(block, lines=lines, starts=[False] * len(lines), group=0)
    return replace(
        block,
        header=[*block.header, *added],
        lines=[[*cells, *(texts[k] for texts in values)] for k, cells in enumerate(block.lines)],
        words=[[*told, *[None] * len(added)] for told in block.words],
    )


def _texts(rows: pd.DataFrame, name: str) -> list[str]:
    found = named_column(rows, name)
    return ["-"] * len(rows) if found is None else [column_text(plain(value)) for value in found[1]]


def column_text(value: object) -> str:
    """Return a plain value of a column as tables for people show it."""
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else setting_text(value)


def _key(cell: str) -> tuple[bool, float, str] | None:
    """Return what a cell is sorted by: numbers before texts; None for an empty one."""
    if cell in ("", "-"):
        return None
    number = _NUMBER.match(cell)
    if number is None:
        return True, 0.0, cell
    return False, float(number[1].replace(",", "")), cell


def _fault(option: str, name: str, known: Sequence[str]) -> Fault:
    return no_column(option, name, [next((a for a, full in ALIASES.items() if full == k), k) for k in known])
