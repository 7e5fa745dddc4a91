"""Markdown: what is shown in a pull request, or as the summary of a GitHub step."""

from __future__ import annotations

from mtlrun.gate.result import GateResult
from mtlrun.gate.wording import HEADER, cells, sentences, title
from mtlrun.report.formats.markdown import escape


def to_markdown(result: GateResult) -> str:
    """Return title, sentences, and a table from bad to good."""
    lines = [f"## {escape(title(result))}", ""]
    for sentence in sentences(result):
        lines += [escape(sentence), ""]
    lines += ["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER)]
    lines += ["| " + " | ".join(escape(cell) for cell in cells(row)) + " |" for row in result.rows]
    return "\n".join(lines)
