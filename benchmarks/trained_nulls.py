"""False alarms among real trained nulls: disjoint seeds of one cell compared as if they were two methods.

    python -m benchmarks.trained_nulls [--studies 200] [--seeds 10]

Nothing is simulated: runs are trained by the command line, on real data. The true difference is 0, for both sides are
the same cell.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.validity import ALPHA, two_errors
from mtlrun.cli import main as mtlrun
from mtlrun.statistics.corrections import find_correction
from mtlrun.statistics.methods import METHODS, make_method, two_sided
from mtlrun.statistics.paired_tests.student import Array

CELL = ("suite=digits_parity", "model.width=16", "budget=steps", "budget.steps=40", "budget.evaluations=2")


def trained(seeds: int) -> Array:
    """Return test values (seeds, tasks) of the cell's multi-task runs."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        store, table = f"store={folder}/runs", str(Path(folder) / "runs.parquet")
        with contextlib.redirect_stdout(io.StringIO()):
            assert mtlrun(["run", *CELL, f"seeds={seeds}", store]) == 0
            assert (
                mtlrun(["report", f"{folder}/runs", "--level", "runs", "--format", "parquet", "-o", table])
                == 0
            )
        runs = pd.read_parquet(table)
    return runs.pivot(index="seed", columns="task", values="mtl").to_numpy()


def false_alarms(values: Array, studies: int, seeds: int) -> dict[str, float]:
    """Return by method the share of studies in which any task's difference is significant after Holm's correction.

    Args:
        values: (studies x 2 x seeds, tasks) of the one cell.
        studies: comparisons of two disjoint sets.
        seeds: of each set.
    """
    sides = values.reshape(studies, 2, seeds, -1)
    differences = sides[:, 0] - sides[:, 1]  # (studies, seeds, tasks)
    adjust, found = find_correction("holm").adjust, {}
    for name in METHODS:
        method = make_method(name, 0.0, np.random.default_rng(0))
        found[name] = float(np.mean([(adjust(two_sided(method, d)) < ALPHA).any() for d in differences]))
    return found


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    values = trained(2 * asked.studies * asked.seeds)
    for name, rate in false_alarms(values, asked.studies, asked.seeds).items():
        print(f"{name:<12} {rate:.3f}")
    limit = two_errors(ALPHA, asked.studies)
    print(f"{asked.studies} comparisons of {asked.seeds} with {asked.seeds} seeds, limit {limit:.3f}")


if __name__ == "__main__":
    main()
