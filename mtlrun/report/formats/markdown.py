"""Markdown: the table that people read, for READMEs and pull requests."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text.chosen_columns import chosen_row_blocks
from mtlrun.report.text.main_table import Block, row_blocks
from mtlrun.report.text.sections import level_block, sections
from mtlrun.report.text.sentences import footnote, sentences

_SPECIAL = re.compile(r"([\\`*|~#]|<(?=[A-Za-z/!?])|(?<!\w)_|_(?!\w)|\](?=[(\[:]))")


def to_markdown(summary: Summary, level: str = "rows", columns: Sequence[str] = ()) -> str:
    """Return the tables and sentences; another level than `rows` as one table.

    Args:
        summary: what to show.
        level: which table.
        columns: the columns that are wanted, in this order; without them, the usual ones.

    Raises:
        ConfigError: there is no such level or column.
    """
    if level != "rows":
        lines = _table(level_block(summary, level, columns=columns))
        if note := footnote(summary, level):
            lines.append(f"<sub>{escape(note)}</sub>")
        return "\n".join(lines).rstrip()
    blocks = chosen_row_blocks(summary, columns) if columns else row_blocks(summary)
    lines = [line for block in blocks for line in _table(block)]
    for _, heading, blocks in sections(summary):
        lines += [f"### {heading}", "", *(line for block in blocks for line in _table(block))]
    for sentence in sentences(summary):
        lines += [escape(sentence), ""]
    return "\n".join([*lines, f"<sub>{escape(footnote(summary, level))}</sub>"])


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, in a table cell too."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _table(block: Block) -> list[str]:
    lines = [f"**{escape(block.title)}**" + (f" ({escape(block.note)})" if block.note else ""), ""]
    lines += [_line(block.header), "|" + " --- |" * len(block.header)]
    return [*lines, *(_line(cells) for cells in block.lines), ""]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
