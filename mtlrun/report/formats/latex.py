"""LaTeX: the table that people read, for a paper. Needs the packages booktabs and amssymb."""

from __future__ import annotations

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.text.main_table import Block, row_blocks
from mtlrun.report.text.sections import level_block
from mtlrun.report.text.sentences import footnote

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "±": r"$\pm$",
    "∞": r"$\infty$",
    "†": r"\dag{}",
    "▼": r"$\blacktriangledown$",
    "▲": r"$\blacktriangle$",
    **{sign: f"\\{sign}" for sign in "&%$#_"},
}


def to_latex(summary: Summary, level: str = "rows") -> str:
    r"""Return one `table` environment per suite; another level than `rows` as one.

    Raises:
        ConfigError: there is no such level.
    """
    blocks = row_blocks(summary) if level == "rows" else [level_block(summary, level)]
    note = f" {footnote(summary, level)}".rstrip()
    head = "% \\usepackage{booktabs,amssymb}"
    return "\n".join([head, *(_table(block, note) for block in blocks)])


def escape(text: str) -> str:
    """Return text that LaTeX sets as it is."""
    return "".join(_ESCAPES.get(sign, sign) for sign in text)


def _table(block: Block, note: str) -> str:
    caption = block.title + (f" ({block.note})" if block.note else "") + "." + note
    lines = [
        r"\begin{table}",
        rf"\caption{{{escape(caption)}}}",
        rf"\begin{{tabular}}{{{'l' * len(block.header)}}}",
        r"\toprule",
        _line(block.header),
        r"\midrule",
    ]
    for position, cells in enumerate(block.lines):
        if block.starts[position] and position:
            lines.append(r"\addlinespace")
        lines.append(_line(cells))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _line(cells: list[str]) -> str:
    # An empty group keeps a first cell that begins with [ from being read as an argument of the line before.
    return "{}" + " & ".join(escape(cell) for cell in cells) + r" \\"
