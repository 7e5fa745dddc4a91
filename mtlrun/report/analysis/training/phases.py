"""What a schedule did: its phases, the phase of every point of a curve, and what is forgotten of earlier tasks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.pairs.layout import LABELS

if TYPE_CHECKING:
    import pandas as pd

_TOLD = ("begin", "end", "tasks", "freeze_shared", "lr_factor", "open", "branches", "merge_every")
PHASE_COLUMNS = (*LABELS, "hyper", "tuned", "phase", *_TOLD, "weights", "cell_id")


def make_phases(manifest: Mapping[str, Any], runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell and phase; none for cells of manifests that do not say their phases.

    `phase` counts from 1; it has the steps of a run after `begin` and up to `end`. `tasks` has the steps for which it
    trains each task. `branches` has the tasks of each branch, merged every `merge_every` steps; of what they were
    given then, `weights` has the mean over merges and runs. The others are as of `mtlrun.schedule.base.Phase`.
    """
    import pandas as pd

    merges = _merges(runs)
    records = []
    for cell in manifest["cells"]:
        about = {label: cell["labels"][label] for label in LABELS}
        about |= {
            "hyper": dict(cell.get("hyper") or {}),
            "tuned": cell.get("tuned"),
            "cell_id": cell["cell_id"],
        }
        done = [merge for run_id in cell["runs"] for merge in merges.get(run_id, ())]
        for number, phase in enumerate(cell.get("phases") or [], 1):
            within = [m["weights"] for m in done if phase["begin"] < m["step"] <= phase["end"]]
            weights = np.mean(within, axis=0).tolist() if within else None
            told = {name: phase[name] for name in _TOLD}
            records.append({**about, "phase": number, **told, "weights": weights})
    return pd.DataFrame(records, columns=list(PHASE_COLUMNS)).astype({"merge_every": "Int64"})


def with_phases(curves: pd.DataFrame, phases: pd.DataFrame) -> pd.DataFrame:
    """Return curves with `phase` and `trained`; both are missing where phases are not known.

    Args:
        curves: one row per value: `cell_id`, `side`, `task`, `step` and any others. Baselines (`stl`) have one phase.
        phases: as of `make_phases`.
    """
    import pandas as pd

    of_cell = {str(cell_id): part for cell_id, part in phases.groupby("cell_id", sort=False)}
    steps, baseline = curves["step"].to_numpy(), (curves["side"] == "stl").to_numpy()
    number = np.where(baseline, 1, 0)
    trained = baseline.copy()
    for rows in curves[~baseline].groupby(["cell_id", "task"], sort=False).groups.values():
        at = curves.index.get_indexer(rows)
        cell_id, task = curves["cell_id"].iloc[at[0]], curves["task"].iloc[at[0]]
        if cell_id in of_cell:
            place = np.searchsorted(of_cell[cell_id]["end"].to_numpy(), steps[at])  # phases that ended before
            number[at] = place + 1
            trained[at] = np.array([task in tasks for tasks in of_cell[cell_id]["tasks"]])[place]
    unknown = number == 0
    return curves.assign(
        phase=pd.arrays.IntegerArray(number, unknown), trained=pd.arrays.BooleanArray(trained, unknown)
    )


def with_forgetting(pairs: pd.DataFrame, manifest: Mapping[str, Any], curves: pd.DataFrame) -> pd.DataFrame:
    """Return pairs with `forgetting`: a task's test value where it was best, less that at the end of training.

    Positive is a loss, whatever the metric's direction, in its unit. It is there for finished runs of earlier tasks:
    those that some phase trains in a smaller share of its steps than the phase before it. Where a task was best is
    chosen on validation values, of all evaluations but the last; a maximum over test values would find forgetting in
    noise. NaN elsewhere, and where there are not two evaluations.

    Source: Chaudhry et al., Riemannian Walk for Incremental Learning, ECCV 2018 (forgetting measure), which takes the
    largest test value over the ends of the earlier tasks' training.

    Args:
        pairs: one row per seed of each row: `cell_id`, `task`, `metric`, `direction`, `run_id`, `status`, others.
        manifest: of the study.
        curves: one row per metric value: run_id, task, split, metric, step, value.
    """
    earlier = {(c["cell_id"], t["name"]) for c in manifest["cells"] for t in c["tasks"] if _is_earlier(t, c)}
    keys = zip(pairs["cell_id"], pairs["task"], strict=True)
    wanted = pairs[np.array([key in earlier for key in keys], bool) & (pairs["status"] == "finished")]
    found = pairs.assign(forgetting=np.nan)
    if len(wanted):
        found.loc[wanted.index, "forgetting"] = _forgotten(wanted, curves)
    return found


def _is_earlier(task: Mapping[str, str], cell: Mapping[str, Any]) -> bool:
    """Whether some phase trains a task in a smaller share of its steps than the phase before it."""
    phases = cell.get("phases") or []
    shares = [phase["tasks"].get(task["name"], 0) / (phase["end"] - phase["begin"]) for phase in phases]
    return any(later < before for before, later in itertools.pairwise(shares))


def _forgotten(wanted: pd.DataFrame, curves: pd.DataFrame) -> pd.Series:
    """Return what each of the wanted rows has forgotten, by their index."""
    about = wanted.reset_index(names="row")[["row", "run_id", "task", "metric", "direction"]]
    named = ["run_id", "task", "metric"]
    part = curves[curves["run_id"].isin(set(wanted["run_id"]))]
    points = part.astype(dict.fromkeys((*named, "split"), "str")).merge(about, on=named)
    points = points.pivot(index=["row", "direction", "step"], columns="split", values="value").reset_index()
    points["sign"] = np.where(points["direction"] == "higher", 1.0, -1.0)
    points["oriented"] = points["sign"] * points["val"].where(np.isfinite(points["val"]))
    last = points.loc[points.groupby("row")["step"].idxmax()]
    before = points.drop(last.index).dropna(subset=["oriented"])
    best = before.loc[before.groupby("row")["oriented"].idxmax()].set_index("row")  # of equal ones the first
    return (best["test"] - last.set_index("row")["test"]) * best["sign"]


def _merges(runs: pd.DataFrame) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return the merges of every run that had some."""
    if "diagnostics" not in runs:
        return {}
    pairs = zip(runs["run_id"], runs["diagnostics"], strict=True)
    return {run_id: found["merges"] for run_id, found in pairs if found.get("merges")}
