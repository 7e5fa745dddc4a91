"""What was recorded of training: cosines of the tasks' gradients, and the weights that a strategy gave the tasks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.pairs.layout import LABELS, trained_tasks

if TYPE_CHECKING:
    import pandas as pd

COSINES, WEIGHTS = "gradient_cosines", "weights"
QUANTITIES = (COSINES, WEIGHTS)
DIAGNOSTIC_COLUMNS = (*LABELS, "hyper", "cell_id", "seed", "step", "quantity", "task", "partner", "value")


_VALUE = ("step", "quantity", "task", "partner", "value")
_Value = tuple[int, str, str | None, str | None, float]
"""What `_VALUE` names; plain, since there may be very many."""


def make_diagnostics(manifest: Mapping[str, Any], runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per value: of a cell and seed, at a step, of a task (`weights`) or of two (`gradient_cosines`).

    `task` and `partner` are missing where a run of an earlier version has only the mean cosine over all pairs of more
    than two tasks. Values that are not finite, as those of diverged runs, are left out.

    Args:
        manifest: of the study.
        runs: one row per stored run: `run_id`, `diagnostics` and others.
    """
    import pandas as pd

    told = {} if "diagnostics" not in runs else dict(zip(runs["run_id"], runs["diagnostics"], strict=True))
    cells = [cell for cell in manifest["cells"] if cell.get("judged", True)]
    at: list[int] = []
    seeds: list[int] = []
    values: list[_Value] = []
    for place, cell in enumerate(cells):
        names = trained_tasks(cell)
        for seed, run_id in zip(cell["seeds"], cell["runs"], strict=True):
            found = list(_values(told.get(run_id) or {}, names, cell.get("phases") or []))
            at += [place] * len(found)
            seeds += [seed] * len(found)
            values += found
    frame = pd.DataFrame(values, columns=list(_VALUE)).assign(seed=seeds)
    for name in LABELS:
        frame[name] = np.array([cell["labels"][name] for cell in cells], dtype=object)[at]
    settings = [dict(cell.get("hyper") or {}) for cell in cells]
    frame["hyper"] = [settings[place] for place in at]
    frame["cell_id"] = np.array([cell["cell_id"] for cell in cells], dtype=object)[at]
    frame = frame[np.isfinite(frame["value"].to_numpy(dtype=float))].reset_index(drop=True)
    return frame[list(DIAGNOSTIC_COLUMNS)].astype({"seed": "int64", "step": "int64", "value": "float64"})


def _values(
    told: Mapping[str, Any], names: Sequence[str], phases: Sequence[Mapping[str, Any]]
) -> Iterator[_Value]:
    """Yield the values of one run; none of an evaluation whose tasks are not known."""
    steps = told.get("steps")
    if not steps:
        return
    nothing = [None] * len(steps)
    actives = told.get("active") or nothing
    for step, active, weights, cosines in zip(
        steps, actives, told.get(WEIGHTS) or nothing, told.get(COSINES) or nothing, strict=True
    ):
        if active and max(active) >= len(names):
            continue
        trained = [names[t] for t in active] if active is not None else _trained(step, names, phases)
        if weights is not None and len(weights) == len(trained):
            for task, weight in zip(trained, weights, strict=True):
                yield step, WEIGHTS, task, None, _number(weight)
        pairs: list[tuple[str | None, str | None]] = list(itertools.combinations(trained, 2))
        if not isinstance(cosines, list):  # an earlier version kept the mean over pairs
            pairs, cosines = (pairs if len(pairs) == 1 else [(None, None)]), [cosines]
        if len(cosines) == len(pairs):
            for (task, partner), cosine in zip(pairs, cosines, strict=True):
                yield step, COSINES, task, partner, _number(cosine)


def make_conflicts(manifest: Mapping[str, Any], runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell, seed and pair of tasks: at how many evaluations the cosine is known, and below 0.

    The columns are `suite`, `mitigation`, `cell_id`, `seed`, `task`, `partner`, `known` and `negative`. It is what a
    sentence needs of `make_diagnostics`, which of a large study is far larger.
    """
    import pandas as pd

    told = {} if "diagnostics" not in runs else dict(zip(runs["run_id"], runs["diagnostics"], strict=True))
    found = []
    for cell in manifest["cells"]:
        if not cell.get("judged", True):
            continue
        names, phases = trained_tasks(cell), cell.get("phases") or []
        about = tuple(cell["labels"][name] for name in ("suite", "mitigation"))
        for seed, run_id in zip(cell["seeds"], cell["runs"], strict=True):
            for pair, values in _cosines(told.get(run_id) or {}, names, phases).items():
                negative = sum(value < 0 for value in values)
                found.append((*about, cell["cell_id"], seed, *pair, len(values), negative))
    columns = ["suite", "mitigation", "cell_id", "seed", "task", "partner", "known", "negative"]
    return pd.DataFrame(found, columns=columns)


def _cosines(
    told: Mapping[str, Any], names: Sequence[str], phases: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], list[float]]:
    """Return the finite cosines of one run by pair of tasks."""
    if len(names) < 2:
        return {}
    found: dict[tuple[str, str], list[float]] = {}
    plain = {key: value for key, value in told.items() if key != WEIGHTS}
    for _, _, task, partner, value in _values(plain, names, phases):
        if task is not None and partner is not None and math.isfinite(value):
            found.setdefault((task, partner), []).append(value)
    return found


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _trained(step: int, names: Sequence[str], phases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the tasks of the phase that a step is of, which an earlier version did not say of the step itself."""
    for phase in phases:
        if phase["begin"] < step <= phase["end"]:
            return [name for name in names if phase["tasks"].get(name)]
    return list(names)
