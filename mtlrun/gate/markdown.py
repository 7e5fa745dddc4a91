"""Markdown: what is shown in a pull request, or as the summary of a GitHub step."""

from __future__ import annotations

from mtlrun.gate.result import GateResult
from mtlrun.gate.wording import HEADER, below, cells, sentences, shared_notes, title
from mtlrun.report.formats.markdown import escape


def to_markdown(result: GateResult) -> str:
    """Return title, sentences, and a table from bad to good."""
    lines = [f"## {escape(title(result))}", ""]
    for sentence in sentences(result):
        lines += [escape(sentence), ""]
    lines += ["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER)]
    shared = shared_notes(result.rows)
    lines += ["| " + " | ".join(escape(cell) for cell in cells(row, shared)) + " |" for row in result.rows]
    if shared:
        lines += ["", escape(below(shared))]
    return "\n".join(lines)
