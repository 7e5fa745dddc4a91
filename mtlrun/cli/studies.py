"""The list of a store's studies, which `mtlrun report` shows on a terminal where it has several."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mtlrun.cli.arguments import DEFAULT_STORE
from mtlrun.errors import StoreError
from mtlrun.planning.manifest import is_reported, study_runs
from mtlrun.report.levels import ROWS

if TYPE_CHECKING:
    from mtlrun.store.store import Store

_HEADER = ("study", "written", "suites", "cells", "runs")
_DIVERGED = "diverged"


class Line(NamedTuple):
    """What the list says of a study: its name, when it was written, and how many runs it has by status."""

    name: str
    written: str
    suites: int
    cells: int
    runs: int
    statuses: Counter[str]


def lists_studies(arguments: argparse.Namespace, store: Store) -> bool:
    """Return whether `mtlrun report` shows the list: on a terminal, and where nothing says which study is meant.

    A script, whose output is no terminal, and whoever names a study, a format, a file or a table gets a report, as
    ever that of the study written last.
    """
    names = ("study", "output", "format", "filter", "columns", "sort", "best", "over", "size", "style")
    plain = arguments.level == ROWS and not any(getattr(arguments, name) for name in names)
    return plain and sys.stdout.isatty() and len(store.studies()) > 1


def studies_text(store: Store, folder: str | None) -> str:
    """Return the list, the study written last first, and the commands that show one.

    Args:
        store: which has several.
        folder: as the command line names it; None for the usual one.
    """
    order = sorted(store.studies(), key=lambda name: _written(store, name), reverse=True)
    statuses = store.statuses()
    found, broken = [], []
    for name in order:
        try:
            found.append(_line(store, name, statuses))
        except StoreError as error:
            broken.append(str(error).partition("\n")[0])
    place = "" if folder in (None, DEFAULT_STORE) else f" {shlex.quote(str(folder))}"
    last = found[0].name if found else order[0]
    below = [
        f"The one written last: mtlrun report{place} --study {last}",
        "Of another: its name in place of this one.",
    ]
    return "\n".join([*_table(found), "", *broken, *below])


def _written(store: Store, name: str) -> tuple[int, str]:
    try:
        return store.written_at(name)
    except StoreError:  # the list names the broken study and what is wrong with it
        return -1, ""


def _line(store: Store, name: str, statuses: dict[str, str]) -> Line:
    cells: Sequence[dict[str, Any]] = store.read_study(name)["cells"]
    runs = study_runs(cells)
    reported = [cell for cell in cells if is_reported(cell)]
    suites = {cell["labels"]["suite"] for cell in reported}
    count = Counter(statuses.get(run_id, "missing") for run_id in runs)
    return Line(name, _local(store.written_at(name)[1]), len(suites), len(reported), len(runs), count)


def _local(moment: str) -> str:
    """Return a moment in the time zone of this machine, to the minute."""
    try:
        return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return "-"


def _table(found: Sequence[Line]) -> list[str]:
    """Return the lines of the list; diverged runs have a column where there are any."""
    diverged = any(line.statuses[_DIVERGED] for line in found)
    words = ("finished", *([_DIVERGED] if diverged else []), "failed", "missing")
    header = [*_HEADER, *words]
    rows = [
        [
            line.name,
            line.written,
            *(f"{number:,}" for number in (line.suites, line.cells, line.runs)),
            *(f"{line.statuses[word]:,}" for word in words),
        ]
        for line in found
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return ["  ".join(_padded(row, widths)).rstrip() for row in (header, *rows)]


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return cells with texts at the left and numbers at the right."""
    return [
        cell.ljust(w) if at < 2 else cell.rjust(w)
        for at, (cell, w) in enumerate(zip(row, widths, strict=True))
    ]
