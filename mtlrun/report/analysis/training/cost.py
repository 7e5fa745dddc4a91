"""What each cell cost to train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.pairs.layout import LABELS, Layout
from mtlrun.statistics.paired_tests.student import Array

if TYPE_CHECKING:
    import pandas as pd

_FIGURES = ("wall_s", "steps", "lanes")
_STEP_FIGURES = ("step_flops", "step_wall_s", "step_device_s", "peak_mib", "model_mib")
"""Averaged too; runs stored by earlier versions lack them."""

_ALL = (*_FIGURES, *_STEP_FIGURES)
_FIRST = ("width", "compiled", "features", "parameters_shared", "parameters_task")
"""Taken from a cell's first run, not averaged."""

COST_COLUMNS = (
    *(*LABELS, "hyper", "tuned", "runs", *_FIGURES, *_STEP_FIGURES, "width", "compiled"),
    *("stl_wall_s", "features", "parameters", "parameters_shared", "parameters_task", "cell_id"),
)


def make_cost(layout: Layout, runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell: means over its stored runs, and parameters.

    `runs` counts the trained runs; `wall_s` is the mean time of one (a cohort's time divided by its lanes),
    `steps` and `lanes` are means too; `stl_wall_s` is the time of one seed's baselines, summed over tasks.
    Of one run-step, evaluations included: `step_flops` (matrix products and convolutions), `step_wall_s` and
    `step_device_s` (CPU seconds of the process, or time on the GPU). `peak_mib` is the peak memory of a cohort:
    of its whole process, or of what torch held on the GPU. `model_mib` is the size of one run's parameters.
    `width` says how the first run's number of lanes came about: `by` is `default`, `launch.width` or `timing`,
    this with the `run_steps_per_s` timed by number of lanes; `out_of_memory_at` the lanes that did not fit.
    `compiled`: whether the first run's step was. `features` is the size of the encoder's output, which `capacity` may
    have chosen. `parameters` are all of a run, `parameters_shared` those that tasks share, `parameters_task` by task.
    """
    import pandas as pd

    told = {run_id: cost for run_id, cost in zip(runs["run_id"], runs["cost"], strict=True) if cost}
    place, costs = {run_id: row for row, run_id in enumerate(told)}, list(told.values())
    figures = np.array([[cost.get(name, np.nan) for name in _ALL] for cost in costs], dtype=float)
    figures = figures.reshape(len(costs), len(_ALL))
    units = layout.units[[*LABELS, "hyper", "tuned", "cell", "cell_id"]].to_dict("records")
    trained: list[list[int]] = [[] for _ in units]
    alone: list[list[int]] = [[] for _ in units]
    pairs = (layout.pairs[name].tolist() for name in ("unit", "run_id", "stl_run_id"))
    for unit, *run_ids in zip(*pairs, strict=True):
        for rows, run_id in zip((trained[unit], alone[unit]), run_ids, strict=True):
            if run_id in place:
                rows.append(place[run_id])
    records: dict[int, dict[str, Any]] = {}
    for about, own, baselines in zip(units, trained, alone, strict=True):
        baseline_s = _means(figures[baselines])["wall_s"]
        if about["cell"] in records:
            records[about["cell"]]["stl_wall_s"] += baseline_s
            continue
        first = costs[own[0]] if own else {}
        records[about["cell"]] = {
            **about,
            "runs": len(own),
            **_means(figures[own]),
            **{name: first.get(name) for name in _FIRST},
            "stl_wall_s": baseline_s,
            "parameters": first["parameters_shared"] + sum(first["parameters_task"].values())
            if own
            else None,
        }
    table = pd.DataFrame(list(records.values()), columns=list(COST_COLUMNS))
    return table.astype(dict.fromkeys(("features", "parameters", "parameters_shared"), "Int64"))


def _means(figures: Array) -> dict[str, float]:
    """Return the mean of each column of figures (R, `_ALL`), NaN where no run has it."""
    known = ~np.isnan(figures)
    counts = known.sum(axis=0)
    sums = np.where(known, figures, 0.0).sum(axis=0)
    return dict(zip(_ALL, (sums / np.where(counts, counts, np.nan)).tolist(), strict=True))
