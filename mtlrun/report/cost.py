"""What each cell cost to train."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.layout import LABELS, Layout

if TYPE_CHECKING:
    import pandas as pd

_FIGURES = ("wall_s", "steps", "lanes")


def make_cost(layout: Layout, runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell: means over its stored runs, and parameters.

    `runs` counts the trained runs; `wall_s` is the mean time of one (a cohort's time divided by its lanes),
    `steps` and `lanes` are means too; `stl_wall_s` is the time of one seed's baselines, summed over tasks.
    `parameters_shared` is one number, `parameters_task` one by task.
    """
    import pandas as pd

    costs = {run_id: cost for run_id, cost in zip(runs["run_id"], runs["cost"], strict=True) if cost}
    by_unit = layout.pairs.groupby("unit", sort=False)
    trained = {unit: pair["run_id"].tolist() for unit, pair in by_unit}
    alone = {unit: pair["stl_run_id"].tolist() for unit, pair in by_unit}
    records = []
    for _, units in layout.units.groupby("cell", sort=False):
        first = units.iloc[0]
        own = [costs[r] for r in trained.get(units.index[0], []) if r in costs]
        baselines = [_mean(costs[r]["wall_s"] for r in alone.get(u, []) if r in costs) for u in units.index]
        records.append(
            {
                **first[[*LABELS, "hyper", "tuned"]],
                "runs": len(own),
                **{name: _mean(cost[name] for cost in own) for name in _FIGURES},
                "stl_wall_s": float(np.sum(baselines)),
                "parameters_shared": own[0]["parameters_shared"] if own else None,
                "parameters_task": own[0]["parameters_task"] if own else None,
                "cell_id": first["cell_id"],
            }
        )
    return pd.DataFrame(records).astype({"parameters_shared": "Int64"})


def _mean(values: Iterable[Any]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else float("nan")
