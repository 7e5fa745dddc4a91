"""Makes a store of many runs, and measures what reads it: user CPU and peak memory of each command.

    python benchmarks/large_store.py make STORE --runs 100000 --lanes 20
    python benchmarks/large_store.py measure STORE

The runs are made up: two tasks, 10 evaluations of two metrics on three splits, scores of 50 test cases. Every
study of the store has 10 seeds; `small` has 20 cells, `wide` 500 cells of 50 suites, and `whole` all of them. Runs
are stored in the order of the cells, baselines first, as a large sweep stores them.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mtlrun.store.runs.records import RunRecord
from mtlrun.store.store import Store

TASKS, SEEDS, EVALUATIONS, CASES = ("left", "right"), 10, 10, 50
SPLITS, METRICS = ("train", "val", "test"), ("accuracy", "loss")
CELLS_OF_A_SUITE = 10
STATISTICS = {
    "method": "paired_t",
    "correction": "holm",
    "alpha": 0.05,
    "margin": 1.0,
    "family": "suite",
    "power": 0.8,
    "over": "examples",
}
COMMANDS = {
    "report small": ["report", "{store}", "--study", "small"],
    "report wide": ["report", "{store}", "--study", "wide", "--format", "json"],
    "report whole": ["report", "{store}", "--study", "whole", "--format", "json"],
    "plan beside": ["plan", "store={store}", "suite=digits_two", "study=new"],
}


def cells(count: int) -> Iterator[dict[str, Any]]:
    """Yield cells of a manifest, each with its runs and those of its baselines."""
    for number in range(count):
        suite = number // CELLS_OF_A_SUITE
        yield {
            "config": {"suite": {"number": suite}, "optimizer": {"lr": number}},
            "cell_id": f"cell{number:06}",
            "labels": {
                "suite": f"suite{suite}",
                "sharing": "hard",
                "heads": "linear",
                "weighting": "equal",
                "schedule": "joint",
                "regularization": "none",
                "mitigation": "none",
            },
            "select": "per_task",
            "tasks": [
                {"name": task, "kind": "multiclass", "metric": "accuracy", "direction": "higher"}
                for task in TASKS
            ],
            "seeds": list(range(SEEDS)),
            "runs": [f"m{number:06}{seed:02}" for seed in range(SEEDS)],
            "baselines": {task: [f"{task}{suite:06}{seed:02}" for seed in range(SEEDS)] for task in TASKS},
            "resplit": None,
            "hyper": {"optimizer.lr": number % CELLS_OF_A_SUITE},
        }


def record(run_id: str, seed: int, tasks: tuple[str, ...], rng: np.random.Generator) -> RunRecord:
    """Return a made-up run."""
    shape = (EVALUATIONS, len(SPLITS), len(tasks), len(METRICS))
    step, split, task, metric = (axis.ravel() for axis in np.indices(shape))
    right = rng.random((len(tasks), EVALUATIONS, CASES)) < 0.8
    return RunRecord(
        run_id=run_id,
        seed=seed,
        config={"suite": {"tasks": list(tasks)}, "seed": seed, "note": "x" * 800},
        status="finished",
        error=None,
        device="cpu",
        versions={"mtlrun": "0.1.0", "torch": "2.13.0"},
        cost={
            "wall_s": float(rng.random()),
            "steps": 100,
            "lanes": 20,
            "parameters_shared": 100,
            "parameters_task": dict.fromkeys(tasks, 10),
            "step_flops": 1000,
            "step_wall_s": float(rng.random()),
            "step_device_s": float(rng.random()),
            "peak_mib": 300.0,
            "model_mib": 0.01,
            "width": {"by": "default"},
            "compiled": False,
            "features": 32,
        },
        diagnostics={
            "steps": [10 * (e + 1) for e in range(EVALUATIONS)],
            "weights": [[1.0] * len(tasks)] * EVALUATIONS,
            "gradient_cosines": rng.random(EVALUATIONS) if len(tasks) > 1 else [None] * EVALUATIONS,
            "constant_guess": dict.fromkeys(tasks, 0.1),
            "merges": [],
        },
        curves={
            "task": np.array(tasks)[task],
            "split": np.array(SPLITS)[split],
            "metric": np.array(METRICS)[metric],
            "step": 10 * (step + 1),
            "value": rng.random(step.size),
        },
        scores=[
            {
                "task": t,
                "step": 10 * (e + 1),
                "scale": 1.0,
                "cases": CASES,
                "values": right[k, e].astype("f2"),
            }
            for k, t in enumerate(tasks)
            for e in range(EVALUATIONS)
        ],
        finished_at="2026-01-01T00:00:00+00:00",
    )


def make(path: str, runs: int, lanes: int) -> None:
    """Write the store."""
    store, rng = Store(path), np.random.default_rng(0)
    all_cells = list(cells(round(runs / SEEDS / (1 + len(TASKS) / CELLS_OF_A_SUITE))))
    made: set[str] = set()
    waiting: list[RunRecord] = []
    for cell in all_cells:
        for tasks, ids in [*(((t,), ids) for t, ids in cell["baselines"].items()), (TASKS, cell["runs"])]:
            for seed, run_id in enumerate(ids):
                if run_id not in made:
                    made.add(run_id)
                    waiting.append(record(run_id, seed, tasks, rng))
        while len(waiting) >= lanes:
            store.append(waiting[:lanes])
            del waiting[:lanes]
    if waiting:
        store.append(waiting)
    for name, count in (("whole", None), ("wide", 500), ("small", 20)):
        store.write_study({"study": name, "statistics": STATISTICS, "cells": all_cells[:count]})
    print(f"{len(made):,} runs in {len(list(Path(path).glob('*.parquet'))):,} segments")


def measure(path: str) -> None:
    """Print what each command takes, one process each."""
    print(f"{'command':16} {'wall s':>8} {'user s':>8} {'peak MiB':>9}")
    for name, words in COMMANDS.items():
        command = [sys.executable, "-m", "mtlrun.cli", *(word.format(store=path) for word in words)]
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        own = f"import resource, subprocess, sys; code = subprocess.run({command!r}, stdout=-3).returncode; "
        own += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, code)"
        told = subprocess.run([sys.executable, "-c", own], stdout=subprocess.PIPE, text=True, check=True)
        peak, code = told.stdout.split()
        user = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before.ru_utime
        told_code = "" if code == "0" else f"  exit code {code}"
        print(f"{name:16} {time.perf_counter() - begun:8.1f} {user:8.1f} {float(peak):9,.0f}{told_code}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("make", "measure"))
    parser.add_argument("store")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--lanes", type=int, default=20)
    given = parser.parse_args()
    if given.action == "make":
        make(given.store, given.runs, given.lanes)
    else:
        measure(given.store)
