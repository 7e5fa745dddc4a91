"""The tables below the main one, each with its heading: what terminal, Markdown and HTML show alike."""

from __future__ import annotations

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.levels import LEVELS, load
from mtlrun.report.text import number_format as words
from mtlrun.report.text.attribution import attribution_blocks
from mtlrun.report.text.forgetting import forgetting_blocks
from mtlrun.report.text.main_table import Block, aggregate_blocks, contrast_blocks, frame_block
from mtlrun.report.text.pareto import frontier_blocks
from mtlrun.report.text.theory import theory_blocks


def sections(summary: Summary, marks: words.Marks = words.UNICODE) -> list[tuple[str, list[Block]]]:
    """Return headings and their blocks, in order; only those that have blocks."""
    found = [
        ("What each mitigation changes against none (in %)", contrast_blocks(summary)),
        (
            "What the gains are made of (the parts before the cost of sharing add up to the gain)",
            attribution_blocks(summary, marks),
        ),
        (
            "Frontier: against fixed weights, compared with as many points of their grid",
            frontier_blocks(summary),
        ),
        (
            "Forgotten of earlier tasks: best earlier test value less the last",
            forgetting_blocks(summary, marks),
        ),
        ("All suites together", aggregate_blocks(summary)),
        (
            "Measured against theory: gains, by each seed's own optimum, and by a formula for all seeds",
            theory_blocks(summary),
        ),
    ]
    return [(heading, blocks) for heading, blocks in found if blocks]


def level_block(summary: Summary, level: str, marks: words.Marks = words.UNICODE) -> Block:
    """Return another table than `rows`: for people where there is such a one, else its columns as they are.

    Raises:
        ConfigError: there is no such level.
    """
    entry = LEVELS.get(level)
    if entry is None or not entry.block:
        return frame_block(summary, level)
    block: Block = load(entry.block)(summary, marks)
    return block
