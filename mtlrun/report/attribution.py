"""What a gain is made of: the steps from a baseline over its controls to the cell, which add up to the gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.layout import IDENTITY, SELECTION, Layout
from mtlrun.report.selection import select
from mtlrun.statistics.judge import INTERVAL_LEVEL
from mtlrun.statistics.methods import make_method
from mtlrun.statistics.settings import Statistics
from mtlrun.statistics.student import Array
from mtlrun.streams import stream

if TYPE_CHECKING:
    import pandas as pd

PARTS = {
    "capacity": "capacity",
    "exposure": "exposure",
    "shuffled": "regularisation",
    "cell": "interference",
}
"""What is called the step up to each rung: up to the cell itself, what the other tasks' labels are worth."""

WHOLE = "gain"
ATTRIBUTION_COLUMNS = (
    *IDENTITY,
    *("part", "n_seeds", "diff", "diff_low", "diff_high", "gain_pct", "ci_low", "ci_high", "cell_id"),
)


def make_attribution(
    manifest: Mapping[str, Any],
    layout: Layout,
    rows: pd.DataFrame,
    curves: pd.DataFrame,
    settings: Statistics,
) -> pd.DataFrame:
    """Return for each row of a cell with controls its parts and the whole gain; empty without controls.

    A part is the mean over seeds of the oriented difference between two rungs, in the metric's unit, with its
    unadjusted interval by the study's method; `gain_pct`, `ci_low` and `ci_high` are in percent of |single-task
    mean|. Seeds count that have every rung, so that the parts add up to the whole. A control that was not asked for
    leaves its part to the next.

    Args:
        manifest: of the study.
        layout: of the same.
        rows: of the report, one per unit.
        curves: of all runs, those of controls too.
        settings: method.
    """
    import pandas as pd

    records: list[dict[str, Any]] = []
    with_controls = [cell for cell in manifest["cells"] if cell.get("controls")]
    if not with_controls:
        return pd.DataFrame(columns=list(ATTRIBUTION_COLUMNS))
    place = {(row.cell_id, row.task): number for number, row in enumerate(layout.units.itertuples())}
    for cell in with_controls:
        for task in cell["baselines"]:
            unit = place[cell["cell_id"], task]
            rungs = _rungs(cell, task)
            values = _values(rungs, layout.units.iloc[unit], curves)
            records += _parts(list(rungs), values, rows.iloc[unit], layout.units.iloc[unit], settings)
    return pd.DataFrame(records, columns=list(ATTRIBUTION_COLUMNS))


def _rungs(cell: Mapping[str, Any], task: str) -> dict[str, Sequence[str]]:
    """Return the run ids of each rung, from the baseline up to the cell."""
    asked = {name: by_task[task] for name, by_task in cell["controls"].items() if task in by_task}
    controls = {name: asked[name] for name in PARTS if name in asked}
    return {"baseline": cell["baselines"][task], **controls, "cell": cell["runs"]}


def _values(rungs: Mapping[str, Sequence[str]], about: pd.Series, curves: pd.DataFrame) -> Array:
    """Return test values (S, rungs) at the selected steps, each rung selected as its kind of run is."""
    import pandas as pd

    columns = []
    for name, run_ids in rungs.items():
        wanted = pd.DataFrame({"run_id": list(run_ids)})
        for key in ("task", "metric", "sign", *SELECTION):
            wanted[key] = about[key]
        if name not in ("shuffled", "cell"):
            wanted["select"], wanted["after"] = "last" if about["select"] == "last" else "per_task", 0
        columns.append(select(wanted, curves)["value"].to_numpy(dtype=float))
    return np.stack(columns, 1)


def _parts(
    names: Sequence[str], values: Array, row: pd.Series, about: pd.Series, settings: Statistics
) -> list[dict[str, Any]]:
    whole = np.isfinite(values).all(axis=1)
    oriented = float(about["sign"]) * values[whole]
    steps = np.concatenate([np.diff(oriented, axis=1), oriented[:, -1:] - oriented[:, :1]], 1)
    method = make_method(settings.method, float(about["ratio"]), stream(0, "report/attribution"))
    low, high = method.interval(steps, INTERVAL_LEVEL)
    mean = steps.mean(axis=0) if len(steps) else np.full(steps.shape[1], np.nan)
    percent = 100 / abs(values[whole, 0].mean()) if len(steps) and not np.isnan(row["gain_pct"]) else np.nan
    return [
        {
            **{name: row[name] for name in IDENTITY},
            "part": part,
            "n_seeds": len(steps),
            "diff": mean[k],
            "diff_low": low[k],
            "diff_high": high[k],
            "gain_pct": mean[k] * percent,
            "ci_low": low[k] * percent,
            "ci_high": high[k] * percent,
            "cell_id": row["cell_id"],
        }
        for k, part in enumerate([*(PARTS[name] for name in names[1:]), WHOLE])
    ]
