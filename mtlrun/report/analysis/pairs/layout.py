"""A study manifest as two flat tables: what is judged, and the pairs of runs that each judgement rests on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtlrun.data.task import METRICS
from mtlrun.planning.manifest import is_reported
from mtlrun.planning.manifest_schema import LABELS

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ("suite", "task", "kind", "metric", "direction", *LABELS[1:], "hyper", "tuned")
"""The columns that say what a report row is about, in the order of the report."""

SELECTION = ("select", "patience", "after")
"""The columns that say which evaluation of a run is read."""

_PAIR_COLUMNS = ("unit", "seed", "run_id", "stl_run_id")


@dataclass(frozen=True)
class Layout:
    """What a manifest asks for. A unit is one task under one cell: a row of the report.

    Attributes:
        units: one row per unit: the `IDENTITY` columns, `cell_id`, `cell` (position of the cell), `sign` (1 where
            higher is better, -1 where lower is), `natural_zero`, `select`, `patience` and `after` (as of
            `checkpoint_selection.select`), `ratio` (n_test / n_train of the task's source where splits vary, else 0),
            `splits` (the number of splits that seeds repeat, else 0; a run's split is its seed modulo it),
            `trained` (steps of a run, and how many of them have trained the task by then: two lists, to be
            interpolated; None where the manifest does not say), `n_train` and `n_test` (rows; None where it does not
            say), `cases` (what a test case is: `examples` or `groups`), `n_together` (how many tasks are trained
            together; None likewise), `partners` (the names of the others of these).
        pairs: one row per unit and seed: `unit` (position in `units`), `seed`, `run_id`, `stl_run_id`.
    """

    units: pd.DataFrame
    pairs: pd.DataFrame


def lay_out(manifest: Mapping[str, Any], whole: bool = False) -> Layout:
    """Return the layout of a study manifest; `whole` with the cells that are there for a front alone."""
    import pandas as pd

    units: list[dict[str, Any]] = []
    pairs: dict[str, list[Any]] = {name: [] for name in _PAIR_COLUMNS}
    cells = [cell for cell in manifest["cells"] if whole or is_reported(cell)]
    for position, cell in enumerate(cells):
        for task in cell["tasks"]:
            pairs["unit"] += [len(units)] * len(cell["seeds"])
            pairs["seed"] += cell["seeds"]
            pairs["run_id"] += cell["runs"]
            pairs["stl_run_id"] += cell["baselines"][task["name"]]
            units.append(_unit(position, cell, task))
    sizes = ("n_train", "n_test", "cases", "n_together", "partners")
    numbers = ("sign", "natural_zero", *SELECTION, "ratio", "splits", "front", "trained")
    columns = [*IDENTITY, "cell_id", "cell", *numbers, *sizes]
    return Layout(pd.DataFrame(units, columns=columns), pd.DataFrame(pairs))


def split_ratio(cell: Mapping[str, Any], task: str) -> float:
    """Return n_test / n_train of a task's source where a cell's splits vary, else 0.

    Manifests and lock files of before have one pair of sizes for all tasks.
    """
    resplit = cell.get("resplit")
    if not resplit:
        return 0.0
    sizes = resplit["tasks"][task] if "tasks" in resplit else resplit
    return float(sizes["n_test"] / sizes["n_train"])


def _unit(position: int, cell: Mapping[str, Any], task: Mapping[str, str]) -> dict[str, Any]:
    metric = METRICS.get(task["metric"])
    early_stop = cell.get("early_stop") or {"patience": 0, "after": 0}
    return {
        **{label: cell["labels"][label] for label in LABELS},
        "task": task["name"],
        "kind": task["kind"],
        "metric": task["metric"],
        "direction": task["direction"],
        "hyper": dict(cell.get("hyper") or {}),
        "tuned": _tuned(cell.get("tuned"), task["name"]),
        "cell_id": cell["cell_id"],
        "cell": position,
        "sign": 1.0 if task["direction"] == "higher" else -1.0,
        "natural_zero": metric is None or metric.natural_zero,
        "select": cell["select"],
        **{name: early_stop[name] for name in ("patience", "after")},
        "ratio": split_ratio(cell, task["name"]),
        "splits": (cell.get("resplit") or {}).get("splits") or 0,
        "front": cell.get("front"),
        "n_train": task.get("n_train"),
        "n_test": task.get("n_test"),
        "cases": task.get("cases", "examples"),
        "n_together": task.get("n_together"),
        "partners": [name for name in trained_tasks(cell) if name != task["name"]],
        "trained": _trained(cell.get("phases") or [], task["name"]),
    }


def trained_tasks(cell: Mapping[str, Any]) -> list[str]:
    """Return the tasks that a cell of a manifest trains, in order; some may not be judged."""
    suite = cell.get("config", {}).get("suite")
    told = suite.get("tasks") if isinstance(suite, Mapping) else None
    return list(told or [task["name"] for task in cell["tasks"]])


def _trained(phases: Sequence[Mapping[str, Any]], task: str) -> tuple[list[int], list[int]] | None:
    """Return the ends of phases, and how many steps have trained a task by then; None without phases."""
    if not phases:
        return None
    own = [phase["tasks"].get(task, 0) for phase in phases]
    return [0, *(phase["end"] for phase in phases)], [0, *itertools.accumulate(own)]


def _tuned(told: Mapping[str, Any] | None, task: str) -> dict[str, Any] | None:
    """Return what tuning chose for a cell and for a task's baseline, and over how many trials and seeds."""
    if told is None:
        return None
    alone = told["baselines"][task]
    own = {name: told[name] for name in ("settings", "trials", "seeds", "edge")}
    return own | {f"stl_{name}": value for name, value in alone.items()}
