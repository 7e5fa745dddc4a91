"""What a click on a row of the page shows: settings, values per seed, what trained them, and the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.pairs.layout import LABELS
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.figure import numbers
from mtlrun.report.formats.html.forest_plot import row_labels
from mtlrun.report.formats.html.reproduce import CellCommands, study_command
from mtlrun.report.setting_text import setting_text
from mtlrun.report.tables import plain
from mtlrun.report.text.number_format import true_minus

if TYPE_CHECKING:
    import pandas as pd

SEEDS = {
    "seed": "seed",
    "stl": "STL",
    "mtl": "MTL",
    "d": "difference",
    "stl_step": "step, STL",
    "step": "step, MTL",
    "stl_run_id": "run, STL",
    "run_id": "run, MTL",
}
"""Columns of a seed's values, and what they are called."""

STATUSES = {"stl_status": "status, STL", "status": "status, MTL"}
"""Shown where some run of the study has not finished."""


def details(summary: Summary) -> dict[str, Any]:
    """Return the details of all rows by their numbers, and those of their cells by cell id, once for all tasks."""
    pairs = dict(list(summary.pairs.groupby(["cell_id", "task"], sort=False)))
    machines = summary.machines.set_index("run_id")
    commands = CellCommands(summary)
    labels = _labels(summary.rows)
    whole = summary.pairs[list(STATUSES)].isin(["finished"]).all(axis=None)
    columns = SEEDS if whole else SEEDS | STATUSES
    rows, cells = {}, {}
    records: list[Any] = list(summary.rows.itertuples())
    for row in records:
        own = pairs.get((row.cell_id, row.task))
        rows[str(row.Index)] = {
            "title": labels[row.Index],
            "cell": row.cell_id,
            "figures": _figures(row),
            "seeds": [] if own is None else _seeds(own, list(columns)),
        }
        if row.cell_id not in cells and own is not None:
            cells[row.cell_id] = {
                "settings": _settings(row, summary.cells.get(row.cell_id, {})),
                "machines": _machines(machines, own["run_id"].tolist()),
                "command": commands.command(row.cell_id),
            }
    return {
        "header": list(columns.values()),
        "command": study_command(summary.command),
        "rows": rows,
        "cells": cells,
    }


def _figures(row: Any) -> list[list[str]]:
    """Return what the table has no column for."""
    wanted = {
        "kind": row.kind,
        "metric": f"{row.metric}, {row.direction} is better",
        "difference": _interval(row.diff, row.diff_low, row.diff_high),
        "p, not adjusted": _number(row.p),
        "p, adjusted": _number(row.p_adjusted),
        "training rows": _number(row.n_train),
        "test rows": _number(row.n_test),
        "verdict over": row.over,
        "diverged seeds": _number(row.n_diverged),
    }
    return [[name, str(text)] for name, text in wanted.items() if text]


def _interval(value: float, low: float, high: float) -> str:
    if value != value:
        return ""
    return true_minus(f"{value:.4g}" + ("" if low != low else f" [{low:.4g}, {high:.4g}]"))


def _number(value: Any) -> str:
    found = plain(value)
    return "" if found is None else f"{found:,}" if isinstance(found, int) else f"{found:.3g}"


def _labels(rows: pd.DataFrame) -> dict[Any, str]:
    """Return suite, task and settings of each row by its number."""
    return {
        place: f"{suite}: {text}"
        for suite, part in rows.groupby("suite", sort=False)
        for place, text in zip(part.index, row_labels(part), strict=True)
    }


def _seeds(own: pd.DataFrame, names: list[str]) -> list[list[Any]]:
    """Return one line per seed."""
    columns: list[list[Any]] = []
    for name in names:
        values = own[name]
        columns.append(numbers(values) if name in ("stl", "mtl", "d") else [plain(value) for value in values])
    return [list(line) for line in zip(*columns, strict=True)]


def _settings(row: Any, cell: Mapping[str, Any]) -> list[list[str]]:
    """Return labels, then every setting of the config by its full name."""
    found = {name: str(getattr(row, name)) for name in LABELS}
    for group, node in cell.get("config", {}).items():
        leaves = node if isinstance(node, Mapping) else {"": node}
        for key, value in leaves.items():
            if key != "_target_" and value is not None:
                found.setdefault(f"{group}.{key}" if key else group, setting_text(value))
    found |= {key: setting_text(value) for key, value in row.hyper.items()}
    tuned = row.tuned if isinstance(row.tuned, Mapping) else {}
    for name in ("settings", "stl_settings"):
        side = "tuned, STL" if name.startswith("stl") else "tuned"
        found |= {f"{side}: {key}": setting_text(value) for key, value in (tuned.get(name) or {}).items()}
    return [[name, text] for name, text in found.items()]


def _machines(machines: pd.DataFrame, run_ids: list[str]) -> list[list[str]]:
    """Return devices and versions that trained runs."""
    own = machines.loc[[run_id for run_id in run_ids if run_id in machines.index]]
    found: dict[str, set[str]] = {"device": set(own["device"].astype(str))} if len(own) else {}
    for versions in own["versions"]:
        for package, version in versions.items():
            found.setdefault(package, set()).add(str(version))
    return [[name, ", ".join(sorted(values))] for name, values in found.items()]
