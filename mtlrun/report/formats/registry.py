"""Every output format by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.summary import Summary, changed
from mtlrun.report.best import best_cells
from mtlrun.report.formats.columns import to_csv, to_parquet
from mtlrun.report.formats.html.page import to_html
from mtlrun.report.formats.json_format import to_json
from mtlrun.report.formats.latex.tables import to_latex
from mtlrun.report.formats.markdown import to_markdown
from mtlrun.report.formats.pictures import to_pdf, to_png, to_svg
from mtlrun.report.formats.terminal import Style, to_terminal
from mtlrun.report.levels import LEVELS, PICTURED
from mtlrun.report.named_columns import sorted_summary
from mtlrun.report.printable_summary import printable_summary
from mtlrun.report.tables import filtered, lacking


class Format(NamedTuple):
    """How to write a format.

    Attributes:
        write: makes it of summary and level, and of a `Style` where it is `styled`.
        drawn: whether it is a picture.
        styled: whether it depends on where it is printed.
        data: whether programs read it, to whom an empty table is an answer.
        columns: whether its columns can be chosen.
        exact: whether it keeps names as they are, with control characters that no terminal should get.
    """

    write: Callable[..., str | bytes]
    drawn: bool = False
    styled: bool = False
    data: bool = False
    columns: bool = False
    exact: bool = False

    @property
    def levels(self) -> tuple[str, ...]:
        """The tables that it has."""
        return PICTURED if self.drawn else tuple(LEVELS)


FORMATS: Mapping[str, Format] = {
    "terminal": Format(to_terminal, styled=True, columns=True),
    "json": Format(to_json, data=True, exact=True),
    "csv": Format(to_csv, data=True, columns=True),
    "parquet": Format(to_parquet, data=True, exact=True, columns=True),
    "md": Format(to_markdown, columns=True),
    "svg": Format(to_svg, drawn=True),
    "png": Format(to_png, drawn=True),
    "pdf": Format(to_pdf, drawn=True),
    "latex": Format(to_latex, columns=True),
    "html": Format(to_html, columns=True),
}

SUFFIXES = {f".{name}": name for name in FORMATS if name not in ("terminal", "latex")}
SUFFIXES |= {".tex": "latex", ".latex": "latex", ".htm": "html", ".markdown": "md"}
SUFFIXES |= dict.fromkeys(("", ".txt", ".log"), "terminal")
"""The format of a file whose format is not given."""


def report_format(name: str | None, output: str | None) -> str:
    """Return the format that is meant: the one named, else the one of the file's ending, `terminal` without one.

    Raises:
        ConfigError: there is no such format, or none has this ending.
    """
    if name is not None and name not in FORMATS:
        raise ConfigError([Fault("--format", "must name a format", name, list(FORMATS))])
    ending = Path(output or "").suffix.lower()
    if name is None and ending not in SUFFIXES:
        rule = "must be a file whose ending says its format, or `--format` must name one"
        raise ConfigError([Fault("--output", rule, output, list(filter(None, SUFFIXES)))])
    return name or SUFFIXES[ending]


def _format_for(
    name: str,
    level: str,
    choices: Sequence[str],
    over: str | None,
    sort: str | None,
    columns: Sequence[str],
) -> Format:
    """Return the format of a name, which has the level and serves what else is asked for; arguments as of `render`.

    Raises:
        ConfigError: there is none, or it does not.
    """
    chosen = FORMATS.get(name)
    if chosen is None:
        raise ConfigError([Fault("--format", "must name a format", name, list(FORMATS))])
    if level not in chosen.levels:
        raise ConfigError(
            [Fault("--level", f"must be a table that `{name}` has", level, list(chosen.levels))]
        )
    if choices and not chosen.drawn:
        drawn = " or ".join(one for one, known in FORMATS.items() if known.drawn)
        raise ConfigError([Fault(f"--{choice}", f"needs a picture ({drawn})", name) for choice in choices])
    if over is not None and level != "gain_over":
        raise ConfigError([Fault("--over", "needs `--level gain_over`", level)])
    if sort == "":
        raise ConfigError([Fault("--sort", "must name a column", sort)])
    if sort is not None and chosen.drawn:
        raise ConfigError([Fault("--sort", "needs a table", name)])
    if columns and not chosen.columns:
        able = [one for one, entry in FORMATS.items() if entry.columns]
        raise ConfigError([Fault("--columns", "must go with a table", name, able)])
    return chosen


def render(
    summary: Summary,
    format_name: str = "terminal",
    level: str = "rows",
    filters: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
    columns: Sequence[str] = (),
    size: str | None = None,
    style: str | None = None,
    over: str | None = None,
    sort: str | None = None,
    best: str | None = None,
) -> str | bytes:
    """Return a summary in one format: text, or bytes for `parquet` and pictures.

    Args:
        summary: what to show.
        format_name: a key of `FORMATS`.
        level: which table, a key of `mtlrun.report.levels.LEVELS`; pictures are of those in `PICTURED`.
        filters: show only rows with these values, by column.
        stream: where `terminal` will be printed: decides width, colour and signs. Without it: 100 columns, no
            colour.
        columns: of a table those that are wanted, in this order.
        size: of a picture, a key of `mtlrun.report.levels.SIZES`; by default two columns wide.
        over: the setting that gains are set against, of the table `gain_over`.
        sort: of a table the column that it is sorted by, as `gain`, or `gain:desc` for the largest first.
        best: `task` or `suite`: show the best cell alone, of each task or of each suite.
        style: of a picture, a file or a style of matplotlib, read after the style of the package.

    Raises:
        ConfigError: an unknown format, level, size, style, column or filter value; or an empty table for people.
    """
    choices = {name: value for name, value in (("size", size), ("style", style)) if value is not None}
    chosen = _format_for(format_name, level, list(choices), over, sort, columns)
    if over is not None:
        summary = changed(summary, over=over)
    shown = filtered(summary, filters or {})
    shown = sorted_summary(best_cells(shown, best) if best else shown, level, sort)
    if not chosen.data and (why := lacking(summary, shown, level)):
        raise ConfigError([why])
    if not chosen.exact:
        shown = printable_summary(shown)
    more: dict[str, Any] = {"columns": columns} if columns else {}
    if chosen.styled and stream is not None:
        more["style"] = Style.of(stream)
    return chosen.write(shown, level, **more, **choices)
