"""Markdown: the table that people read, for READMEs and pull requests."""

from __future__ import annotations

import re

from mtlrun.report.display import TOGETHER, Block, aggregate_blocks, contrast_blocks, frame_block, row_blocks
from mtlrun.report.forgetting import FORGOTTEN, forgetting_blocks
from mtlrun.report.sentences import legend, sentences
from mtlrun.report.summary import Summary
from mtlrun.report.theory_blocks import AGAINST_THEORY, theory_blocks

_SPECIAL = re.compile(r"([\\`*|~#]|<(?=[A-Za-z/!?])|(?<!\w)_|_(?!\w)|\](?=[(\[:]))")


def to_markdown(summary: Summary, level: str = "rows") -> str:
    """Return the tables and sentences; another level than `rows` as one table.

    Raises:
        ConfigError: there is no such level.
    """
    if level != "rows":
        return "\n".join(_table(frame_block(summary, level))).rstrip()
    lines = [line for block in row_blocks(summary) for line in _table(block)]
    contrasts = contrast_blocks(summary)
    lines += ["### What each mitigation changes against none (in %)", ""] if contrasts else []
    lines += [line for block in contrasts for line in _table(block)]
    lost = forgetting_blocks(summary)
    lines += [f"### {FORGOTTEN}", ""] if lost else []
    lines += [line for block in lost for line in _table(block)]
    together = aggregate_blocks(summary)
    lines += [f"### {TOGETHER}", ""] if together else []
    lines += [line for block in together for line in _table(block)]
    known = theory_blocks(summary)
    lines += [f"### {AGAINST_THEORY}", ""] if known else []
    lines += [line for block in known for line in _table(block)]
    for sentence in sentences(summary):
        lines += [escape(sentence), ""]
    return "\n".join([*lines, f"<sub>{escape(legend(summary))}</sub>"])


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, in a table cell too."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _table(block: Block) -> list[str]:
    lines = [f"**{escape(block.title)}**" + (f" ({escape(block.note)})" if block.note else ""), ""]
    lines += [_line(block.header), "|" + " --- |" * len(block.header)]
    return [*lines, *(_line(cells) for cells in block.lines), ""]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
