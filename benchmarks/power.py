"""How often a study of linear teachers finds what theory says: real training, real verdicts.

    python -m benchmarks.power [--studies 100] [--seeds 20] [--store DIR]

All studies of a cosine are trained as one, and judged on disjoint blocks of seeds.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from tempfile import TemporaryDirectory
from typing import Any

from mtlrun.cli import main as command
from mtlrun.planning.study import study_runs
from mtlrun.report.analysis.summary import summarise
from mtlrun.store.store import Store

COSINES = (0.5, 1.0)
OVERRIDES = (
    *("suite=linear_teachers", "suite.dim=20", "suite.samples=100", "suite.noise=1", "suite.design=orthonormal"),
    *("model=linear", "model.width=1", "model.bias=false", "heads.bias=false", "optimizer=sgd", "optimizer.lr=0.05"),
    *("budget=steps", "budget.steps=300", "budget.batch_size=full", "budget.evaluations=1", "study=power"),
)  # fmt: skip


def train(store: str, seeds: int, *more: str) -> None:
    """Train both cosines over so many seeds.

    Raises:
        RuntimeError: the command failed.
    """
    cosines = f"suite.cosine={','.join(map(str, COSINES))}"
    code = command(["sweep", *OVERRIDES, cosines, f"seeds={seeds}", f"store={store}", *more])
    if code:
        raise RuntimeError(f"`mtlrun sweep` ended with exit code {code}")


def verdicts(store: str, seeds: int) -> dict[float, dict[str, Counter[str]]]:
    """Return by cosine and task how many studies of `seeds` seeds give which verdict."""
    found = Store(store)
    manifest = found.read_study("power")
    ids = study_runs(manifest["cells"])
    runs, curves = found.runs(ids), found.curves(ids)
    counts: dict[float, dict[str, Counter[str]]] = {}
    for cell in manifest["cells"]:
        tasks = counts.setdefault(cell["config"]["suite"]["cosine"], {})
        for study in _studies(manifest, cell, seeds):
            wanted = study_runs(study["cells"])
            part = summarise(study, runs[runs["run_id"].isin(wanted)], curves[curves["run_id"].isin(wanted)])
            for row in part.rows.itertuples():
                tasks.setdefault(str(row.task), Counter())[str(row.verdict)] += 1
    return counts


def _studies(manifest: Mapping[str, Any], cell: Mapping[str, Any], seeds: int) -> Iterator[dict[str, Any]]:
    """Yield the manifests of studies of one cell each, on disjoint blocks of seeds."""
    for first in range(0, len(cell["seeds"]) - seeds + 1, seeds):
        block = slice(first, first + seeds)
        alone = {task: ids[block] for task, ids in cell["baselines"].items()}
        one = {**cell, "seeds": cell["seeds"][block], "runs": cell["runs"][block], "baselines": alone}
        yield {**manifest, "cells": [one], "expected": {}}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=20, help="of each study")
    parser.add_argument("--store", help="default: one that is thrown away")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        store = given.store or folder
        train(store, given.studies * given.seeds)
        for cosine, tasks in verdicts(store, given.seeds).items():
            for task, count in tasks.items():
                shares = ", ".join(f"{word} {n}" for word, n in count.most_common())
                print(
                    f"cosine {cosine}, task {task}, {given.studies} studies of {given.seeds} seeds: {shares}"
                )


if __name__ == "__main__":
    sys.exit(main())
