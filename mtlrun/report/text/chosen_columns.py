"""Tables with the columns that a reader asked for, in that order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.setting_text import setting_text
from mtlrun.report.tables import plain
from mtlrun.report.text import number_format as words
from mtlrun.report.text.main_table import GAIN, Block, row_blocks

if TYPE_CHECKING:
    import pandas as pd

ALIASES = {"gain": GAIN}
"""Short names of columns."""


def chosen_columns(block: Block, columns: Sequence[str]) -> Block:
    """Return a table with only these columns; as it is where none is named.

    Raises:
        ConfigError: it has no such column.
    """
    if not columns:
        return block
    wanted = [ALIASES.get(name, name) for name in columns]
    faults = [_fault(name, block.header) for name in wanted if name not in block.header]
    if faults:
        raise ConfigError(faults)
    kept = [block.header.index(name) for name in wanted]
    grouped = kept[0] == 0
    return Block(
        block.title,
        block.note,
        [block.header[c] for c in kept],
        [[cells[c] for c in kept] for cells in block.lines],
        [[told[c] for c in kept] for told in block.words],
        block.starts if grouped else [False] * len(block.starts),
    )


def chosen_row_blocks(
    summary: Summary, columns: Sequence[str], marks: words.Marks = words.UNICODE
) -> list[Block]:
    """Return the table of each suite with these columns: those of the table, settings, or any column of `rows`.

    Raises:
        ConfigError: there is no such column.
    """
    blocks = row_blocks(summary, marks)
    own = {name for block in blocks for name in block.header}
    settings = {key for hyper in summary.rows["hyper"] for key in hyper}
    wanted = [ALIASES.get(name, name) for name in columns]
    known = [
        *dict.fromkeys(name for block in blocks for name in block.header),
        *summary.rows,
        *sorted(settings),
    ]
    if faults := [_fault(name, known) for name in wanted if name not in known]:
        raise ConfigError(faults)
    more = [name for name in wanted if name not in own or name not in blocks[0].header]
    parts = summary.rows.groupby("suite", sort=False)
    return [
        chosen_columns(_extended(block, _by_task(rows), more, wanted[0] != "task"), wanted)
        for block, (_, rows) in zip(blocks, parts, strict=True)
    ]


def _extended(block: Block, rows: pd.DataFrame, more: Sequence[str], whole: bool) -> Block:
    """Return a table with further columns of its rows; `whole` with the task on every line."""
    added = [name for name in more if name not in block.header]
    values = [[_text(rows, name, place) for name in added] for place in range(len(rows))]
    tasks = rows["task"].astype(str).tolist() if whole else [cells[0] for cells in block.lines]
    return Block(
        block.title,
        block.note,
        [*block.header, *added],
        [
            [task, *cells[1:], *more_cells]
            for task, cells, more_cells in zip(tasks, block.lines, values, strict=True)
        ],
        [[*told, *[None] * len(added)] for told in block.words],
        block.starts,
    )


def _by_task(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one suite in the order of its table."""
    return rows.iloc[rows.groupby("task", sort=False).ngroup().to_numpy().argsort(kind="stable")]


def _text(rows: pd.DataFrame, name: str, place: int) -> str:
    if name in rows:
        value = plain(rows[name].iloc[place])
    else:
        hyper = rows["hyper"].iloc[place]
        value = next((v for key, v in hyper.items() if name in (key, key.rpartition(".")[2])), None)
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else setting_text(value)


def _fault(name: str, known: Sequence[str]) -> Fault:
    shown = [next((a for a, full in ALIASES.items() if full == k), k) for k in known]
    return Fault("--columns", "must name columns of the table", name, list(dict.fromkeys(shown)))
