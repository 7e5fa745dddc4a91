"""HTML: one file with the answer, the transfer table, interactive figures and the details of every row.

Everything that comes from data or settings reaches the page as escaped text of a template, or as JSON that scripts
put into text nodes. A content security policy allows the page's own scripts, by their hashes, and no network.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.attribution import attributions
from mtlrun.report.formats.html.cost_against_gain import costs_against_gains
from mtlrun.report.formats.html.details import details
from mtlrun.report.formats.html.diagnostics import conflicts, task_weights
from mtlrun.report.formats.html.figure import Figure
from mtlrun.report.formats.html.forest_plot import forest_plots
from mtlrun.report.formats.html.gain_over_setting import gains_over_settings
from mtlrun.report.formats.html.learning_curves import learning_curves
from mtlrun.report.formats.html.overfitting import overfitting_gaps_of_rows
from mtlrun.report.formats.html.pareto_front import pareto_fronts
from mtlrun.report.formats.html.transfer_table import transfer_table
from mtlrun.report.formats.html.variance_shares import variance_shares
from mtlrun.report.formats.row_limit import check_rows
from mtlrun.report.text.main_table import Block
from mtlrun.report.text.number_format import true_minus
from mtlrun.report.text.sections import level_block, sections
from mtlrun.report.text.sentences import footnote, sentences

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_ROWS = 20_000
"""Of a table on a page; browsers are slow beyond."""

_SCRIPTS = ("text.js", "table.js", "details.js", "figures.js")


@dataclass(frozen=True)
class Part:
    """A section of the page: its anchor, heading, figures and tables."""

    anchor: str
    heading: str
    figures: list[Figure]
    blocks: list[Block]

    @property
    def note(self) -> str:
        """What all figures of several have as their note, which is then said once."""
        notes = {figure.note for figure in self.figures}
        return notes.pop() if len(notes) == 1 and len(self.figures) > 1 else ""


_FIGURES: dict[str, tuple[str, Callable[[Summary], list[Figure]]]] = {
    "gains": ("Gains", forest_plots),
    "contrasts": ("", lambda summary: []),
    "settings": ("Gain against each setting", gains_over_settings),
    "curves": ("Learning curves", learning_curves),
    "conflict": ("Conflict: cosines between task gradients", conflicts),
    "weights": ("Task weights over training", task_weights),
    "overfitting": ("Overfitting: gap between training and validation", overfitting_gaps_of_rows),
    "attribution": ("", attributions),
    "frontier": ("", pareto_fronts),
    "cost": ("Cost against gain", costs_against_gains),
    "variance": ("Where the error of each gain comes from", variance_shares),
}
"""By anchor the figures of a section, in order; one without a heading has that of the tables of its name."""


def to_html(summary: Summary, level: str = "rows", columns: Sequence[str] = ()) -> str:
    """Return the page; another level than `rows` as one table.

    Args:
        summary: what to show.
        level: which table.
        columns: of the table, in this order; without them, the usual ones.

    Raises:
        ConfigError: there is no such level or column, or the level has too many rows for a page.
    """
    check_rows(summary, level, MOST_ROWS)
    if level != "rows":
        part = Part(level, level, [], [level_block(summary, level, columns=columns)])
        return _page(summary.study, [part], footnote(summary, level), _SCRIPTS[:2])
    parts = _parts(summary)
    drawn = [figure.plain() for part in parts for figure in part.figures]
    return _page(
        summary.study,
        parts,
        footnote(summary, level),
        _SCRIPTS,
        answer=sentences(summary),
        table=transfer_table(summary, columns),
        data={"figures": drawn, "details": details(summary)},
        versions=summary.versions,
        devices=summary.devices,
    )


def _parts(summary: Summary) -> list[Part]:
    """Return the sections that have something to show."""
    tables = {section.level: section for section in sections(summary)}
    found = []
    for anchor, (heading, make) in _FIGURES.items():
        section = tables.pop(anchor, None)
        heading = section.heading if section else heading
        found.append(Part(anchor, heading, make(summary), section.blocks if section else []))
    found += [Part(section.level, section.heading, [], section.blocks) for section in tables.values()]
    return [part for part in found if part.figures or part.blocks]


def _page(study: str, parts: list[Part], legend: str, names: tuple[str, ...], **more: Any) -> str:
    """Return the page; scripts without figures or table are left out."""
    environment = _environment()
    page = files(__package__).parent / "page"  # type: ignore[attr-defined]
    scripts = [(page / name).read_text("utf-8") for name in names]
    if any(part.figures for part in parts):
        scripts.insert(0, _plotly())
    return environment.get_template("page.html").render(
        study=study,
        parts=parts,
        legend=legend,
        policy=_policy(scripts),
        style=(page / "style.css").read_text("utf-8"),
        scripts=scripts,
        **more,
    )


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("mtlrun.report.formats", "page")
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters |= {"json": _json, "minus": true_minus}
    return environment


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def _policy(scripts: list[str]) -> str:
    """Return the content security policy: these scripts, styles of the page, and nothing from outside."""
    hashes = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(value).decode()}'" for value in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(value: Any) -> str:
    """Return JSON that cannot end its script tag: every < is written as its escape."""
    from markupsafe import Markup

    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
