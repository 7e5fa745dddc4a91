"""The lock file: what a study found, kept per seed, to test later results against."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtlrun.config import current_key
from mtlrun.data.task import METRICS
from mtlrun.errors import ConfigError, Fault, LockError
from mtlrun.gate.lock_schema import IDENTITY, SCHEMA_VERSION, lock_faults
from mtlrun.planning.manifest import is_reported
from mtlrun.planning.manifest_schema import KEPT, KEPT_OF_SOME
from mtlrun.report.tables import plain
from mtlrun.schema import listed, parse

if TYPE_CHECKING:
    import pandas as pd

    from mtlrun.report.analysis.summary import Summary

Seeded = dict[tuple[str, str], dict[int, float]]
Stored = Mapping[str, Mapping[str, Any]]
"""The canonical configs of runs, seed included, by run id."""


def lock(
    manifest: Mapping[str, Any],
    summary: Summary,
    stored: Stored | None = None,
    margin: float | None = None,
) -> dict[str, Any]:
    """Return the lock of a study, ready for JSON.

    A row keeps its identity, `cell_id` (hash of the config), `verdict`, the check's `margin` in percent, `stl_mean`,
    `scale` (what the margin is a percentage of: |stl_mean|, or 1 for metrics without a natural zero),
    `n_diverged`, and for each of its `seeds` the oriented difference to the single-task baseline in the metric's
    unit (`gains`). `cells` keep all that is needed to train them again, see `kept_cells`.

    Args:
        manifest: the study.
        summary: its results, whole.
        stored: the configs of its runs, for those of the baselines.
        margin: percent that may be lost; the study's own, `check.margin`, where None.

    Raises:
        ConfigError: a negative margin.
    """
    check_margin(margin)
    if margin is None:
        margin = float(manifest.get("check", {}).get("margin", summary.settings.margin))
    gains = gains_by_seed(summary)
    rows: list[Any] = list(summary.rows.itertuples())
    return {
        "schema_version": SCHEMA_VERSION,
        "study": summary.study,
        "command": list(manifest.get("command", [])),
        "versions": summary.versions,
        "device": ", ".join(summary.devices),
        "statistics": asdict(summary.settings),
        "rows": [_row(row, gains.get((row.cell_id, row.task), {}), margin) for row in rows],
        "cells": kept_cells(manifest, stored or {}),
    }


def check_margin(margin: float | None) -> None:
    """Raise unless a margin, where one is given, is one.

    Raises:
        ConfigError: it is negative or no finite number.
    """
    if margin is not None and not 0 <= margin < float("inf"):
        raise ConfigError([Fault("--margin", "must be a finite number, not negative", margin)])


def kept_cells(manifest: Mapping[str, Any], stored: Stored) -> list[dict[str, Any]]:
    """Return a study's cells with configs in place of run ids: `config`, and in `baselines` one for each task.

    None of them has a seed. A baseline of which no run is stored is left out.
    """
    return [
        {
            **{key: cell[key] for key in (*KEPT, *KEPT_OF_SOME) if key in cell},
            "baselines": {
                task: {key: value for key, value in config.items() if key != "seed"}
                for task, ids in cell["baselines"].items()
                if (config := next((stored[run_id] for run_id in ids if run_id in stored), None)) is not None
            },
        }
        for cell in manifest["cells"]
        if is_reported(cell)
    ]


def gains_by_seed(summary: Summary) -> Seeded:
    """Return, by cell id and task, the gain in the metric's unit of every seed that has one."""
    found: Seeded = {}
    pairs: pd.DataFrame = summary.pairs[summary.pairs["d"].notna()]
    columns = (pairs[name].tolist() for name in ("cell_id", "task", "seed", "d"))
    for cell_id, task, seed, d in zip(*columns, strict=True):
        found.setdefault((cell_id, task), {})[seed] = d
    return found


def read_lock(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read and check a lock file.

    Raises:
        LockError: it cannot be read, is no lock file of this schema version, or holds values that are no finite
            numbers; all faults in one message.
    """
    try:
        page = parse(Path(path).read_bytes())
    except OSError as error:
        raise LockError(f"lock file `{path}` cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise LockError(f"lock file `{path}` is no JSON: {error}") from error
    faults = list(lock_faults(page))
    if faults:
        raise LockError(f"lock file `{path}` cannot be used:\n{listed(faults)}")
    return page


def identity(row: Mapping[str, Any]) -> str:
    """Return one text that is the same for rows of the same name in lock and study."""
    names = {name: row[name] for name in IDENTITY}
    hyper = {current_key(key): value for key, value in plain(row["hyper"]).items()}
    return json.dumps({**names, "hyper": hyper}, sort_keys=True)


def _row(row: Any, gains: Mapping[int, float], margin: float) -> dict[str, Any]:
    metric = METRICS.get(row.metric)
    anchored = metric is None or metric.natural_zero
    return {
        **{name: getattr(row, name) for name in IDENTITY},
        "hyper": plain(row.hyper),
        "cell_id": row.cell_id,
        "verdict": row.verdict,
        "margin": margin,
        "stl_mean": plain(row.stl_mean),
        "scale": abs(row.stl_mean) if anchored and math.isfinite(row.stl_mean) else 1.0,
        "n_diverged": int(row.n_diverged),
        "seeds": sorted(gains),
        "gains": [gains[seed] for seed in sorted(gains)],
    }
