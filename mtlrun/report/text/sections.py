"""The tables below the main one, each with its heading: what terminal, Markdown and HTML show alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mtlrun.report.analysis.summary import Summary, changed
from mtlrun.report.levels import LEVELS, load
from mtlrun.report.text import number_format as words
from mtlrun.report.text.blocks.attribution import attribution_blocks
from mtlrun.report.text.blocks.forgetting import forgetting_blocks
from mtlrun.report.text.blocks.pareto import frontier_blocks
from mtlrun.report.text.blocks.theory import theory_blocks
from mtlrun.report.text.chosen_columns import chosen_columns, sorted_block
from mtlrun.report.text.main_table import Block, aggregate_blocks, contrast_blocks, frame_block


class Section(NamedTuple):
    """Tables under a heading; `level` is the name of what they show."""

    level: str
    heading: str
    blocks: list[Block]


def sections(summary: Summary, marks: words.Marks = words.UNICODE) -> list[Section]:
    """Return headings and their blocks, in order; only those that have blocks."""
    found = [
        ("contrasts", "What each mitigation changes against none (in %)", contrast_blocks(summary)),
        (
            "attribution",
            "What the gains are made of (the parts before the cost of sharing add up to the gain)",
            attribution_blocks(summary, marks),
        ),
        (
            "frontier",
            "Frontier: against fixed weights, compared with as many points of their grid",
            frontier_blocks(summary),
        ),
        (
            "forgetting",
            "Forgotten of earlier tasks: best earlier test value less the last",
            forgetting_blocks(summary, marks),
        ),
        ("aggregates", "All suites together", aggregate_blocks(summary)),
        (
            "theory",
            "Measured against theory: gains, by each seed's own optimum, and by a formula for all seeds",
            theory_blocks(summary),
        ),
    ]
    return [Section(*parts) for parts in found if parts[2]]


def level_block(
    summary: Summary, level: str, marks: words.Marks = words.UNICODE, columns: Sequence[str] = ()
) -> Block:
    """Return another table than `rows`: for people where there is such a one, else its columns as they are.

    Args:
        summary: what to show; sorted by the column of `summary.sort`.
        level: which table.
        marks: signs that can be shown.
        columns: those that are wanted, in this order; none for the usual ones.

    Raises:
        ConfigError: there is no such level or column.
    """
    entry = LEVELS.get(level)
    if entry is None or not entry.block:
        return frame_block(summary, level, columns)
    block: Block = load(entry.block)(changed(summary, sort=None), marks)
    return chosen_columns(sorted_block(block, summary.sort), columns)
