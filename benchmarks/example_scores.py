"""What the scores of test cases cost, in training, in the store and in reports: each with them and without, in turns.

And how long a report and a plan of a small study take, as a part of `import torch` on the same machine.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pyarrow.parquet as pq
import torch

from benchmarks.child import Cost, mtlrun, run_child
from benchmarks.goals import SCORES_RATIO, SMALL_STUDY, TORCH_RATIO, Measured
from benchmarks.ours import bench_configs
from mtlrun.execution.train import train_and_store
from mtlrun.execution.workers.task import Task
from mtlrun.planning.run_spec import RunSpec
from mtlrun.store.runs.records import SCORES
from mtlrun.store.segments import Segments
from mtlrun.store.store import Store

BUDGET = {"steps": 1000, "batch_size": 32, "evaluations": 10}  # the defaults, for suites of the digits' size
CELLS = {
    "quickstart": (30, {"suite": "digits_two", "weighting": "pcgrad"}, 32),
    "default": (10, {}, 64),
}
"""By name: lanes, groups that depart from the defaults, width."""
QUICKSTART = ("experiment=quickstart",)
WIDE = (
    "suite=digits_parity,digits_two,digits_attributes",
    "weighting=equal,uncertainty,dwa,static,pcgrad,mgda,cagrad,famo,imtl_l,random,gls,stch,aligned_mtl",
    "optimizer.lr=1e-4,3e-4,1e-3,3e-3,1e-2,3e-2",
    "seeds=20",
    "budget=steps",
    "budget.steps=10",
)  # 234 cells; so short that only its report is of interest


def training(repeats: int) -> list[Measured]:
    """Train and store a cohort with scores and without, in turns; CPU time."""
    found = []
    for name, (lanes, options, width) in CELLS.items():
        configs = bench_configs(lanes, BUDGET, options, {"width": width})
        pairs = []
        for repeat in range(repeats):
            turns = [True, False] if repeat % 2 else [False, True]
            spent = {scored: _training_s(configs, scored) for scored in turns}
            pairs.append((spent[True], spent[False]))
        note = f"{lanes} lanes, {BUDGET['steps']} steps, {BUDGET['evaluations']} evaluations, stored"
        found.append(Measured(f"scores_training_{name}", SCORES_RATIO, [a / b for a, b in pairs], note))
        found.append(Measured(f"scores_training_{name}", "with, CPU s", [a for a, _ in pairs], note))
    return found


def studies(repeats: int) -> list[Measured]:
    """Report the quickstart's study, and one of 234 cells of 20 seeds, with scores and without, in turns."""
    found = []
    for name, overrides in (("quickstart", QUICKSTART), ("wide", WIDE)):
        with tempfile.TemporaryDirectory() as folder:
            scored, plain = Path(folder, "scored"), Path(folder, "plain")
            run_child(mtlrun("sweep", f"store={scored}", "device=cpu", *overrides))
            sizes = without_scores(scored, plain)
            found += _reports(f"scores_report_{name}", scored, plain, repeats)
            if name == "quickstart":  # the other's runs are too short to tell
                note = f"{sizes[0]:,} bytes of segments, {sizes[1]:,} without the column"
                found.append(Measured("scores_store", SCORES_RATIO, [sizes[0] / sizes[1]], note))
                found += _small_study(scored, repeats)
    return found


def without_scores(scored: Path, plain: Path) -> tuple[int, int]:
    """Copy a store without the scores of test cases; return the bytes of segments of both."""
    shutil.copytree(scored / "studies", plain / "studies")
    sizes = [0, 0]
    for segment in sorted(scored.glob("*.parquet")):
        copied = Segments(plain).write(pq.read_table(segment).drop_columns([SCORES]))
        for place, path in enumerate((segment, copied)):
            sizes[place] += path.stat().st_size
    return sizes[0], sizes[1]


def _training_s(configs: list[dict[str, object]], scored: bool) -> float:
    with tempfile.TemporaryDirectory() as folder, _scores(scored):
        begun = time.process_time()
        task = Task([RunSpec.of(c) for c in configs], "cpu")
        train_and_store(task, Store(folder), torch.device("cpu"), lambda steps: None)
        return time.process_time() - begun


@contextmanager
def _scores(wanted: bool) -> Iterator[None]:
    """Let cohorts know no test cases for a while, unless scores are wanted."""
    if wanted:
        yield
        return
    with patch("mtlrun.training.loop.cohort.cases_of", lambda *arguments: None):
        yield


def _reports(work: str, scored: Path, plain: Path, repeats: int) -> list[Measured]:
    pairs = [
        tuple(run_child(mtlrun("report", str(store))) for store in (scored, plain)) for _ in range(repeats)
    ]
    return [
        Measured(work, SCORES_RATIO, [a.cpu_s / b.cpu_s for a, b in pairs], "CPU time of the command"),
        Measured(work, "with, CPU s", [a.cpu_s for a, _ in pairs]),
        Measured(work, "without, CPU s", [b.cpu_s for _, b in pairs]),
        Measured(work, "with, peak MiB", [a.peak_mib for a, _ in pairs]),
        Measured(work, "without, peak MiB", [b.peak_mib for _, b in pairs]),
    ]


def _small_study(store: Path, repeats: int) -> list[Measured]:
    """Hold a report and plans of small studies against `import torch`."""
    with tempfile.TemporaryDirectory() as empty:
        commands = {
            "report": mtlrun("report", str(store)),
            "plan of 10 cells": mtlrun("plan", f"store={empty}", *QUICKSTART),
            "plan of 1 cell": mtlrun("plan", f"store={empty}"),
        }
        measure = [sys.executable, "-c", "import torch"]
        costs: list[tuple[Cost, dict[str, Cost]]] = [
            (run_child(measure), {name: run_child(command) for name, command in commands.items()})
            for _ in range(repeats)
        ]
    found = [Measured(SMALL_STUDY, "import torch, CPU s", [base.cpu_s for base, _ in costs])]
    for name in commands:
        ratios = [each[name].cpu_s / base.cpu_s for base, each in costs]
        found.append(Measured(SMALL_STUDY, f"{name} / {TORCH_RATIO}", ratios, "CPU time of the commands"))
        found.append(Measured(SMALL_STUDY, f"{name}, CPU s", [each[name].cpu_s for _, each in costs]))
    return found
