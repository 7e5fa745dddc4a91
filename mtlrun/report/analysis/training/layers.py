"""Gradients by layer: cosines of the tasks' gradients of each shared layer's parameters, at every recorded step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.pairs.layout import LABELS
from mtlrun.report.analysis.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

COSINE, MAGNITUDE = "cosine", "magnitude_similarity"
LAYER_COLUMNS = (*LABELS, "hyper", "cell_id", "seed", "step", "layer", "task", "partner", COSINE, MAGNITUDE)


def layer_table(summary: Summary) -> pd.DataFrame:
    """Return one row per recorded step, layer and pair of tasks of each multi-task run.

    Empty for studies without records by layer: of earlier versions, of suites with many tasks, of runs that share
    nothing, and with `diagnostics.every=off`. Pairs of tasks that rows are left of by filters are there.
    """
    import pandas as pd

    rows = summary.rows.drop_duplicates("cell_id")
    tasks = summary.rows.groupby("cell_id")["task"].agg(set).to_dict()
    parts = []
    for row in rows.to_dict("records"):
        cell = summary.cells.get(row["cell_id"], {})
        about = {name: row[name] for name in (*LABELS, "cell_id")}
        for seed, run_id in zip(cell.get("seeds", []), cell.get("runs", []), strict=True):
            found = _of_run(summary.recorded.get(run_id) or {})
            if found is None:
                continue
            own = found["task"].isin(tasks[row["cell_id"]]) | found["partner"].isin(tasks[row["cell_id"]])
            part = found[own].assign(**about, seed=seed)
            parts.append(part.assign(hyper=[row["hyper"]] * len(part)))
    if not parts:
        return pd.DataFrame({name: [] for name in LAYER_COLUMNS})
    return pd.concat(parts, ignore_index=True)[list(LAYER_COLUMNS)]


def _of_run(told: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return the values of one run by step, layer and pair; None where it has none by layer."""
    import pandas as pd

    record = told.get("gradients") or {}
    if not record.get("layers") or f"layer_{COSINE}" not in record:
        return None
    steps, layers, pairs = record["steps"], record["layers"], record["pairs"]
    shape = (len(steps), len(layers), len(pairs))
    step, layer, pair = (axis.ravel() for axis in np.indices(shape))
    values = {name: np.array(record[f"layer_{name}"], dtype=float).ravel() for name in (COSINE, MAGNITUDE)}
    frame = pd.DataFrame(
        {
            "step": np.array(steps)[step],
            "layer": np.array(layers, dtype=object)[layer],
            "task": np.array([one for one, _ in pairs], dtype=object)[pair],
            "partner": np.array([other for _, other in pairs], dtype=object)[pair],
            **values,
        }
    )
    return frame[np.isfinite(frame[COSINE])]
