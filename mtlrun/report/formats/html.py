"""HTML: the table that people read, as one page without scripts or outside files."""

from __future__ import annotations

from html import escape

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text.main_table import Block, row_blocks
from mtlrun.report.text.sections import level_block, sections
from mtlrun.report.text.sentences import footnote, sentences

_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; margin: 0 0 2rem; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: .4rem 0 }
caption small, footer { color: #57606a; font-weight: 400 }
th, td { text-align: left; padding: .15rem 1rem .15rem 0; white-space: nowrap }
thead th { border-bottom: 2px solid #1b1f24 }
tr.start td { border-top: 1px solid #d0d7de }
.negative, .worse, .dominated { color: #b3261e; font-weight: 600 }
.positive, .repairs, .partly, .better, .beyond-it { color: #1a7f37; font-weight: 600 }
.neutral, .no-effect, .on-the-front { color: #0b6b8a }
.inconclusive, .undecided { color: #7a5b00 }
"""


def to_html(summary: Summary, level: str = "rows") -> str:
    """Return a page with the tables and sentences; another level than `rows` as one table.

    Raises:
        ConfigError: there is no such level.
    """
    if level != "rows":
        body = [_table(level_block(summary, level))]
    else:
        body = [_table(block) for block in row_blocks(summary)]
        for heading, blocks in sections(summary):
            body += [f"<h2>{escape(heading)}</h2>", *(_table(block) for block in blocks)]
        body += [f"<p>{escape(sentence)}</p>" for sentence in sentences(summary)]
    if note := footnote(summary, level):
        body.append(f"<footer>{escape(note)}</footer>")
    name = escape(summary.study)
    head = f'<meta charset="utf-8"><title>{name}</title><style>{_CSS}</style>'
    page = ["<!doctype html>", f'<html lang="en"><head>{head}</head><body>', f"<h1>{name}</h1>"]
    return "\n".join([*page, *body, "</body></html>"])


def _table(block: Block) -> str:
    note = f" <small>{escape(block.note)}</small>" if block.note else ""
    head = "".join(f"<th>{escape(name)}</th>" for name in block.header)
    lines = [
        f"<table><caption>{escape(block.title)}{note}</caption>",
        f"<thead><tr>{head}</tr></thead><tbody>",
    ]
    for cells, told, start in zip(block.lines, block.words, block.starts, strict=True):
        filled = "".join(_cell(cell, word) for cell, word in zip(cells, told, strict=True))
        lines.append(f'<tr class="start">{filled}</tr>' if start else f"<tr>{filled}</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def _cell(cell: str, word: str | None) -> str:
    kind = f' class="{word.replace(" ", "-")}"' if word else ""
    return f"<td{kind}>{escape(cell)}</td>"
