"""Delta-m and the figures of a benchmark, from a report made of simulated runs with scores by test case.

Each suite of a report is a study of its own. Tasks of a suite share seeds and examples: what a network makes of an
example under one task is correlated with what it makes of it under another. Every other task is a regression, judged
by its root mean squared error, the rest are classified.

Shape letters: n seeds, m examples, T tasks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from benchmarks.split_studies import ONE_SEED, SEVERAL_SEEDS, Splits, accuracies
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.store.runs.scores import ScoreTable
from mtlrun.training.objective.example_scores import example_scores

LABELS = {
    "sharing": "hard",
    "heads": "linear",
    "weighting": "equal",
    "schedule": "joint",
    "regularization": "none",
    "mitigation": "none",
}
JUDGED = {
    "method": "paired_t",
    "correction": "holm",
    "alpha": 0.05,
    "margin": 1.0,
    "family": "suite",
    "power": 0.8,
}
ACCURACY, RMSE = ("binary", "accuracy", "higher"), ("regression", "rmse", "lower")
STEP, STRENGTH, SETTINGS = 100, 1.2, 4
Rates = dict[str, float]


class Suite(NamedTuple):
    """Test values (2, n, T) of both sides, single-task first, and scores (2, n, T, m); None where not kept."""

    values: Array
    scores: Array | None
    kinds: Sequence[tuple[str, str, str]]
    resplit: dict[str, Any] | None = None


def crossed_suite(n: int, m: int, tasks: int, rng: np.random.Generator) -> Suite:
    """Return a suite in which both sides are equal on the population."""
    common = 0.6 * rng.normal(size=(2, 1, 1, m)) + 0.6 * rng.normal(size=(2, n, 1, m))
    own = 0.6 * rng.normal(size=(2, 1, tasks, m)) + 0.8 * rng.normal(size=(2, n, tasks, m))
    seed = 0.1 * rng.normal(size=(2, n, 1, 1)) + 0.1 * rng.normal(size=(2, n, tasks, 1))
    found = common + own
    scores = (STRENGTH + seed + found > 0) * 1.0
    values = scores.mean(axis=-1)
    rmse = example_scores(*RMSE[:2])
    assert rmse is not None
    for task in range(1, tasks, 2):
        error = (1 + seed[:, :, task % seed.shape[2]]) * found[:, :, task]
        flat = torch.from_numpy(error.reshape(2 * n, m, 1))
        scores[:, :, task] = rmse(flat, torch.zeros_like(flat)).numpy().reshape(2, n, m)
        values[:, :, task] = np.sqrt((error**2).mean(axis=-1))
    return Suite(values, scores, [(ACCURACY, RMSE)[task % 2] for task in range(tasks)])


def split_suite(sources: Sequence[Splits], rng: np.random.Generator) -> Suite:
    """Return a suite of tasks with a source each, whose splits vary."""
    values = np.stack([accuracies(source, rng) for source in sources], axis=-1)  # (K n, 2, T)
    sizes = {f"t{task}": {"n_train": one.train, "n_test": one.test} for task, one in enumerate(sources)}
    splits = sources[0].splits if sources[0].seeds > 1 else 0
    return Suite(values.swapaxes(0, 1), None, [ACCURACY] * len(sources), {"tasks": sizes, "splits": splits})


def report(suites: Sequence[Suite], together: int = 1) -> Summary:
    """Return the report of a study; so many suites have one setting each, that of an aggregate."""
    cells, points, runs, scores = [], [], [], []
    for number, suite in enumerate(suites):
        _, n, tasks = suite.values.shape
        names = [f"t{task}" for task in range(tasks)]
        multi = [f"{number}/{seed}" for seed in range(n)]
        alone = {name: [f"{number}/{name}/{seed}" for seed in range(n)] for name in names}
        about = [
            {"name": name, "kind": kind, "metric": metric, "direction": direction}
            for name, (kind, metric, direction) in zip(names, suite.kinds, strict=True)
        ]
        setting = {"setting": number // together}
        identity = {
            "labels": {"suite": f"suite {number}", **LABELS},
            "cell_id": str(number),
            "hyper": setting,
        }
        asked = {"seeds": list(range(n)), "runs": multi, "tasks": about, "baselines": alone}
        cells.append(identity | asked | {"config": setting, "select": "last", "resplit": suite.resplit})
        runs += [(run, seed) for of in (multi, *alone.values()) for seed, run in enumerate(of)]
        for (t, name), seed in itertools.product(enumerate(names), range(n)):
            for side, run in enumerate((alone[name][seed], multi[seed])):
                value = suite.values[side, seed, t]
                points += [(run, name, part, suite.kinds[t][1], STEP, value) for part in ("val", "test")]
                if suite.scores is not None:
                    scores.append((run, name, suite.scores[side, seed, t]))
    manifest = {"study": "simulated", "command": [], "statistics": JUDGED, "cells": cells}
    return summarise(manifest, _runs(runs), _curves(points), _scores(scores))


def _runs(runs: Sequence[tuple[str, int]]) -> pd.DataFrame:
    cost = {"wall_s": 0.1, "steps": STEP, "lanes": 1, "parameters_shared": 1, "parameters_task": {}}
    about = {"status": "finished", "error": None, "device": "cpu", "versions": [{}], "cost": [cost]}
    frame = pd.DataFrame(runs, columns=["run_id", "seed"])
    return frame.assign(
        **{name: value * len(runs) if isinstance(value, list) else value for name, value in about.items()}
    )


def _curves(points: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    columns = ["run_id", "task", "split", "metric", "step", "value"]
    return pd.DataFrame(points, columns=columns).astype(dict.fromkeys(columns[:4], "category"))


def _scores(scores: Sequence[tuple[str, str, Array]]) -> ScoreTable:
    if not scores:
        return ScoreTable()
    entries = [
        [
            {
                "task": task,
                "step": STEP,
                "scale": 1.0,
                "cases": len(values),
                "values": values.astype(np.float16),
            }
        ]
        for _, task, values in scores
    ]
    kind = pa.struct(
        {
            "task": pa.string(),
            "step": pa.int64(),
            "scale": pa.float64(),
            "cases": pa.int64(),
            "values": pa.list_(pa.float16()),
        }
    )
    table = {"run_id": [run for run, _, _ in scores], "scores": pa.array(entries, pa.list_(kind))}
    return ScoreTable([pa.table(table)])


def delta_m_coverage(make: Callable[[np.random.Generator], Suite], studies: int) -> Rates:
    """Return how often the interval of delta-m covers 0, the truth, and how wide it is in the middle."""
    rng = np.random.default_rng(3)
    found = report([make(rng) for _ in range(studies)]).suites
    inside = (found["ci_low"] <= 0) & (found["ci_high"] >= 0)
    return {
        "coverage": float(inside.mean()),
        "width, %": float((found["ci_high"] - found["ci_low"]).median()),
    }


def aggregate_coverage(make: Callable[[np.random.Generator], Suite], studies: int) -> Rates:
    """Return how often the intervals of the three figures over four suites cover the truth."""
    rng = np.random.default_rng(4)
    found = report([make(rng) for _ in range(SETTINGS * studies)], SETTINGS).aggregates
    truths = {"mean_gain": 0.0, "iqm_gain": 0.0, "improvement": 0.5}
    return {
        name: float(((found[f"{name}_low"] <= truth) & (found[f"{name}_high"] >= truth)).mean())
        for name, truth in truths.items()
    }


def suite_rates(studies: int) -> dict[str, Rates]:
    """Return coverage over examples and over splits."""
    found: dict[str, Rates] = {}
    for tasks in (2, 4):
        for n in (3, 5, 10, 30):
            make = lambda rng, n=n, tasks=tasks: crossed_suite(n, 200, tasks, rng)  # noqa: E731
            name = f"delta-m of {tasks} tasks, {n} x 200"
            found[name] = delta_m_coverage(make, studies if n < 30 else studies // 3)
    for n in (5, 10):
        make = lambda rng, n=n: crossed_suite(n, 200, 2, rng)  # noqa: E731
        found[f"aggregates of 4 pairs, {n} x 200"] = aggregate_coverage(make, studies // 4)
    for name, how in (ONE_SEED | SEVERAL_SEEDS).items():
        if how.train == 140:
            make = lambda rng, how=how: split_suite([how, how], rng)  # noqa: E731
            found[f"aggregates of 4 pairs, {name}"] = aggregate_coverage(make, studies // 5)
    sources = [ONE_SEED["10 splits, 60 / 520"], ONE_SEED["10 splits, 60 / 70"]]
    found["delta-m, 60 / 520 and 60 / 70"] = delta_m_coverage(lambda rng: split_suite(sources, rng), studies)
    return found
