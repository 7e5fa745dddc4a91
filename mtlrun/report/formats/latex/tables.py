r"""LaTeX: the table that people read, for a paper.

It needs the packages booktabs, array and amssymb. Tables are floats over the whole width (`table*`), so that they
fit a class of one column and one of two; one that is longer than a page goes on in a further float.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.latex.escape import breakable, escape, label
from mtlrun.report.formats.latex.layout import LINE, POINTS, Fitted, fitted_level, fitted_rows
from mtlrun.report.formats.row_limit import check_rows
from mtlrun.report.text.main_table import FIGURES
from mtlrun.report.text.sections import level_block
from mtlrun.report.text.sentences import footnote

HEAD = r"% \usepackage{booktabs,array,amssymb}"

MOST_ROWS = 5_000
"""Of a table; a paper has no room for so many."""

_LINES = 34.0
"""Lines of type of one float: a page of an article has room for more, and for caption and note."""

_FLUSH = 8
"""After so many floats a page is ended, since LaTeX keeps only so many."""

_SIGNS = "▼: negative, ▲: positive, =: neutral, ?: inconclusive."


def to_latex(summary: Summary, level: str = "rows", columns: Sequence[str] = ()) -> str:
    """Return a table per suite, the best of each task in bold; another level than `rows` as one table.

    Args:
        summary: what to show.
        level: which table.
        columns: the columns that are wanted, in this order; without them, those that fit the page.

    Raises:
        ConfigError: there is no such level or column, or too many rows.
    """
    check_rows(summary, level, MOST_ROWS)
    note = footnote(summary, level)
    if level != "rows":
        block = level_block(summary, level, columns=columns)
        fitted = fitted_level(block, bool(columns))
        name = label(summary.study, level)
        return "\n".join([HEAD, *_floats(fitted, f"{summary.study}: {block.title}", name, note)])
    tables = fitted_rows(summary, columns)
    several = len(tables) > 1
    lines = [HEAD]
    first = label(summary.study)
    for place, table in enumerate(tables):
        title = f"Transfer gains of {summary.study}, {table.block.title}"
        name = label(summary.study, table.block.title) if several and place else first
        lines += _floats(table, title, name, _note(table, note) if not place else "", first if place else "")
    return "\n".join(lines)


def _note(table: Fitted, legend: str) -> str:
    """Return what stands under the first table."""
    parts = [
        _SIGNS if table.signs else "",
        "Bold: the best of each task." if any(map(any, table.bold)) else "",
        f"{table.seeds} seeds." if table.seeds else "",
        legend,
    ]
    return " ".join(filter(None, parts))


def _floats(table: Fitted, title: str, name: str, note: str, noted: str = "") -> Iterator[str]:
    """Yield the lines of the floats of one table.

    Args:
        table: what it shows.
        title: of its caption.
        name: of its label.
        note: what stands under it.
        noted: the label of the table that has the notes, where this one has none.
    """
    if table.left_out:
        yield f"% left out for lack of width: {', '.join(table.left_out)}; --columns chooses others".replace(
            "\n", " "
        )
    about = f"{title}: {table.block.note}" if table.block.note else title
    below = rf"Notes as in Table~\ref{{{noted}}}." if noted else escape(note)
    parts = list(_parts(table))
    for place, (begin, end) in enumerate(parts):
        caption = escape(f"{about}." if not place else f"{title}, continued.")
        yield r"\begin{table*}[t]"
        yield r"\centering\footnotesize\setlength{\tabcolsep}{2.5pt}"
        if place:
            yield r"\addtocounter{table}{-1}"
        yield rf"\caption{{{caption}}}"
        if not place:
            yield rf"\label{{{name}}}"
        yield r"\par\smallskip"
        yield from _tabular(table, begin, end)
        if place == len(parts) - 1 and below:
            yield rf"\par\smallskip\parbox{{\linewidth}}{{\raggedright\scriptsize {below}}}"
        yield r"\end{table*}"
        if place % _FLUSH == _FLUSH - 1:
            yield r"\clearpage"


def _parts(table: Fitted) -> Iterator[tuple[int, int]]:
    """Yield first and last line (not included) of each float; a group is broken only if it has no room in one."""
    heights = [
        table.lines_of(cells) + (0.4 if start else 0.0)
        for cells, start in zip(table.block.lines, table.block.starts, strict=True)
    ]
    begin, used = 0, 0.0
    for place, height in enumerate(heights):
        group = next((g for g in range(place + 1, len(heights)) if table.block.starts[g]), len(heights))
        whole = sum(heights[place:group]) if table.block.starts[place] else height
        full = used + height > _LINES or (used + whole > _LINES >= whole and used > _LINES / 2)
        if full and place > begin:
            yield begin, place
            begin, used = place, 0.0
        used += height
    yield begin, len(heights)


def _tabular(table: Fitted, begin: int, end: int) -> Iterator[str]:
    yield rf"\begin{{tabular}}{{{''.join(_alignment(table, c) for c in range(len(table.block.header)))}}}"
    yield r"\toprule"
    yield _line([_text(table, name, c) for c, name in enumerate(table.block.header)])
    yield r"\midrule"
    for place in range(begin, end):
        if table.block.starts[place] and place > begin:
            yield r"\addlinespace"
        yield _line(
            [_cell(table, place, c) for c in range(len(table.block.header))], _again(table, place, begin)
        )
    yield r"\bottomrule"
    yield r"\end{tabular}"


def _alignment(table: Fitted, column: int) -> str:
    if column in table.rooms:
        share = table.rooms[column] * POINTS / LINE
        return rf">{{\raggedright\arraybackslash}}p{{{share:.3f}\linewidth}}"
    return "r" if table.block.header[column] in FIGURES and table.block.header[column] != "verdict" else "l"


def _cell(table: Fitted, place: int, column: int) -> str:
    text = _text(table, table.block.lines[place][column], column)
    return rf"\textbf{{{text}}}" if table.bold[place][column] else text


def _text(table: Fitted, text: str, column: int) -> str:
    return breakable(text, table.rooms[column]) if column in table.rooms else escape(text)


def _again(table: Fitted, place: int, begin: int) -> str:
    """Return the name of the group that goes on at the top of a float."""
    lines = table.block.lines
    if place != begin or not any(table.block.starts) or lines[place][0]:
        return ""
    return _text(table, next(cells[0] for cells in reversed(lines[:place]) if cells[0]), 0)


def _line(cells: list[str], first: str = "") -> str:
    # An empty group keeps a first cell that begins with [ from being read as an argument of the line before.
    return "{}" + " & ".join([first or cells[0], *cells[1:]]) + r" \\"
