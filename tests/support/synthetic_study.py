"""Synthetic studies for tests: values per seed in, manifest and stored frames out, with no training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mtlrun.report.analysis.summary import Summary, summarise

LABELS = {
    "sharing": "hard",
    "heads": "linear",
    "weighting": "equal",
    "schedule": "joint",
    "regularization": "none",
    "mitigation": "none",
}
STATISTICS = {
    "alpha": 0.05,
    "margin": 1.0,
    "family": "suite",
    "method": "paired_t",
    "correction": "holm",
    "power": 0.8,
}
Values = Mapping[str, Sequence[float]]


def _a_little(value: float, direction: float) -> float:
    """Return a value a little off, by less than any margin: training has converged."""
    return value + direction * (0.002 * abs(value) + 1e-9) if math.isfinite(value) else value


class SyntheticStudy:
    """Collects cells; `manifest()`, `runs()`, `curves()` and `summary()` give what a real study would."""

    def __init__(self, name: str = "main", **statistics: Any) -> None:
        self.name = name
        self.statistics = {**STATISTICS, **statistics}
        self.cells: list[dict[str, Any]] = []
        self.early: float | None = None  # how much worse values were halfway; None for a little
        self._runs: dict[str, dict[str, Any]] = {}
        self._points: list[tuple[str, str, str, str, int, float]] = []

    def add(
        self,
        stl: Values,
        mtl: Values,
        *,
        suite: str = "pair",
        metric: str = "accuracy",
        direction: str = "higher",
        seeds: Sequence[int] | None = None,
        status: Mapping[int, str] | None = None,
        stl_status: Mapping[int, str] | None = None,
        select: str = "per_task",
        hyper: Mapping[str, Any] | None = None,
        resplit: dict[str, int] | None = None,
        config: Mapping[str, Any] | None = None,
        **labels: str,
    ) -> None:
        """Add a cell: by task, one value per seed. `status` by seed: `missing`, `failed` or `diverged`."""
        seeds = list(seeds if seeds is not None else range(len(next(iter(mtl.values())))))
        labels = {"suite": suite, **LABELS, **labels}
        hyper, config = dict(hyper or {}), dict(config or {})
        cell_id = "-".join([*labels.values(), *(f"{k}={v}" for k, v in {**hyper, **config}.items())])
        base = "-".join([suite, *(f"{k}={v}" for k, v in hyper.items())])
        runs = [f"{cell_id}/{seed}" for seed in seeds]
        baselines = {task: [f"{base}/{task}/{seed}" for seed in seeds] for task in mtl}
        for i, seed in enumerate(seeds):
            values = {t: v[i] for t, v in mtl.items()}
            self._store(runs[i], seed, values, metric, direction, (status or {}).get(seed))
            for task in mtl:
                value = {task: stl[task][i]}
                gone = (stl_status or {}).get(seed)
                self._store(baselines[task][i], seed, value, metric, direction, gone)
        self.cells.append(
            {
                "labels": labels,
                "hyper": hyper,
                "tuned": None,
                "cell_id": cell_id,
                "config": {**labels, **hyper, **config},
                "select": select,
                "seeds": seeds,
                "runs": runs,
                "tasks": [
                    {"name": t, "kind": "multiclass", "metric": metric, "direction": direction} for t in mtl
                ],
                "resplit": resplit,
                "baselines": baselines,
            }
        )

    def _store(
        self,
        run_id: str,
        seed: int,
        values: dict[str, float],
        metric: str,
        direction: str,
        status: str | None,
    ) -> None:
        if run_id in self._runs or status == "missing":
            return
        self._runs[run_id] = {
            "run_id": run_id,
            "seed": seed,
            "status": status or "finished",
            "error": "broke" if status == "failed" else None,
            "device": "cpu",
            "versions": {"torch": "2.13.0"},
            "cost": {
                "wall_s": 0.5,
                "steps": 100,
                "lanes": 8,
                "parameters_shared": 1000,
                "parameters_task": dict.fromkeys(values, 10),
            },
        }
        worse = 1.0 if direction == "higher" else -1.0
        if status != "failed":
            self._points += [
                (run_id, task, split, metric, step, value if step == 100 else self._halfway(value, worse))
                for task, value in values.items()
                for split in ("train", "val", "test")
                for step in (50, 100)
            ]

    def _halfway(self, value: float, worse: float) -> float:
        return _a_little(value, -worse) if self.early is None else value - worse * self.early

    def manifest(self) -> dict[str, Any]:
        return {"study": self.name, "command": [], "statistics": self.statistics, "cells": self.cells}

    def runs(self) -> pd.DataFrame:
        columns = ["run_id", "seed", "status", "error", "device", "versions", "cost"]
        return pd.DataFrame(list(self._runs.values()), columns=columns)

    def curves(self) -> pd.DataFrame:
        columns = ["run_id", "task", "split", "metric", "step", "value"]
        frame = pd.DataFrame(self._points, columns=columns)
        return frame.astype({**dict.fromkeys(columns[:4], "category"), "step": "int64", "value": "float64"})

    def summary(self) -> Summary:
        return summarise(self.manifest(), self.runs(), self.curves())


MITIGATIONS = {
    "none": {},
    "uncertainty": {"weighting": "uncertainty"},
    "pcgrad": {"weighting": "pcgrad"},
    "sequential": {"schedule": "sequential"},
    "l2": {"regularization": "l2"},
    "separate_heads": {"heads": "mlp"},
}


def realistic(seeds: int = 20, sharing: Sequence[str] = ("hard",)) -> SyntheticStudy:
    """Return a study of two pairs, six mitigations and accuracies of a test part of 600."""
    rng = np.random.default_rng(7)
    study = SyntheticStudy("quickstart")
    effects = {
        "digits_permuted": {"upright": -0.018, "permuted": -0.03},
        "digits_attributes[even+prime]": {"even": 0.012, "prime": 0.0005},
    }
    share = {
        "none": 1.0,
        "uncertainty": 0.8,
        "pcgrad": 0.35,
        "sequential": 1.8,
        "l2": 1.02,
        "separate_heads": 0.0,
    }
    for suite, tasks in effects.items():
        stl = {t: 0.94 + rng.normal(0, 0.006, seeds) for t in tasks}
        for scheme in sharing:
            for mitigation, labels in MITIGATIONS.items():
                mtl = {
                    t: np.round(600 * (stl[t] + share[mitigation] * e + rng.normal(0, 0.006, seeds))) / 600
                    for t, e in tasks.items()
                }
                study.add(stl, mtl, suite=suite, sharing=scheme, mitigation=mitigation, **labels)
    return study
