"""What each cell cost to train."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.pairs.layout import LABELS, Layout

if TYPE_CHECKING:
    import pandas as pd

_FIGURES = ("wall_s", "steps", "lanes")
_STEP_FIGURES = ("step_flops", "step_wall_s", "step_device_s", "peak_mib", "model_mib")
"""Means too, which runs stored by earlier versions lack."""

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

    costs = {run_id: cost for run_id, cost in zip(runs["run_id"], runs["cost"], strict=True) if cost}
    units = layout.units[[*LABELS, "hyper", "tuned", "cell", "cell_id"]].to_dict("records")
    trained: list[list[str]] = [[] for _ in units]
    alone: list[list[str]] = [[] for _ in units]
    pairs = (layout.pairs[name].tolist() for name in ("unit", "run_id", "stl_run_id"))
    for unit, run_id, stl_run_id in zip(*pairs, strict=True):
        trained[unit].append(run_id)
        alone[unit].append(stl_run_id)
    baseline_s = [_mean(costs[r]["wall_s"] for r in runs if r in costs) for runs in alone]
    records: dict[int, dict[str, Any]] = {}
    for unit, about in enumerate(units):
        if about["cell"] in records:
            records[about["cell"]]["stl_wall_s"] += baseline_s[unit]
            continue
        own = [costs[r] for r in trained[unit] if r in costs]
        records[about["cell"]] = {
            **about,
            "runs": len(own),
            **{name: _mean(cost[name] for cost in own) for name in _FIGURES},
            **{name: _mean(cost[name] for cost in own if name in cost) for name in _STEP_FIGURES},
            "width": own[0].get("width") if own else None,
            "compiled": own[0].get("compiled") if own else None,
            "stl_wall_s": baseline_s[unit],
            "features": own[0].get("features") if own else None,
            "parameters": _parameters(own[0]) if own else None,
            "parameters_shared": own[0]["parameters_shared"] if own else None,
            "parameters_task": own[0]["parameters_task"] if own else None,
        }
    table = pd.DataFrame(list(records.values()), columns=list(COST_COLUMNS))
    return table.astype(dict.fromkeys(("features", "parameters", "parameters_shared"), "Int64"))


def _parameters(cost: Mapping[str, Any]) -> int:
    by_task: Mapping[str, int] = cost["parameters_task"]
    return int(cost["parameters_shared"]) + sum(by_task.values())


def _mean(values: Iterable[Any]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else float("nan")
