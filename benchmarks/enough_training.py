"""How many steps a run needs, however small its data: what `budget.min_steps` should be.

    python -m benchmarks.enough_training --store DIR [--seeds 5] [--output FILE]

Trains every suite of digits and every small table with several `budget.min_steps`, and for so long that more steps
change nothing (`LONG`). Per number of steps: how far single-task test values are from those of the long training and
from scikit-learn's models at convergence, what share of rows the convergence check marks, which verdicts `negative`
the long training takes back, and how long it took. Runs that the store has are not trained again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machine import machine
from benchmarks.reference_models import reference_values
from benchmarks.small_tables import write_tables
from mtlrun.cli import main as command
from mtlrun.config import build
from mtlrun.plan.study import study_runs
from mtlrun.report.convergence import make_convergence
from mtlrun.report.layout import lay_out
from mtlrun.report.measured import measure
from mtlrun.report.rows import make_rows
from mtlrun.statistics.settings import Statistics
from mtlrun.store.store import Store

LEVELS = (1, 250, 500, 1000, 2000, 4000)
LONG = 8000
SEVERAL = 1.0
"""Percent by which a value may be worse than that of the long training and count as reached: the default margin."""

DIGITS = {
    "digits_parity": (),
    "digits_two": (),
    "digits_permuted": (),
    "digits_attributes": ("suite.tasks=[digit,even,prime]",),
}


def suites(folder: Path) -> dict[str, list[str]]:
    """Return the overrides of every suite, by name; tables are written to `folder`."""
    found = {name: [f"suite={name}", *more] for name, more in DIGITS.items()}
    for name, columns in write_tables(folder).items():
        targets = ", ".join(f"{task}: '{column}'" for task, column in columns.items())
        found[name] = ["suite=table", f"suite.path={folder / name}.csv", f"suite.targets={{{targets}}}"]
    found["linnerud"].append("budget.batch_size=8")  # it has 14 training rows
    return found


def train(store: Path, seeds: int) -> None:
    """Train every suite at every level.

    Raises:
        RuntimeError: a command failed.
    """
    for name, overrides in suites(store.parent).items():
        for steps in (*LEVELS, LONG):
            length = [f"budget.min_steps={steps}", f"study={name}-{steps}", f"store={store}"]
            code = command(["run", *overrides, *length, f"seeds={seeds}"])
            if code:
                raise RuntimeError(f"`mtlrun run` of {name} ended with exit code {code}")


def rows_of(store: Store, study: str) -> pd.DataFrame:
    """Return the rows of a stored study with what the convergence check says, steps and seconds of training."""
    manifest = store.read_study(study)
    ids = study_runs(manifest["cells"])
    runs, curves = store.runs(ids), store.curves(ids)
    settings = Statistics(**{k: v for k, v in manifest["statistics"].items() if not k.startswith("_")})
    layout = lay_out(manifest)
    measured = measure(layout, runs, curves)
    rows = make_rows(layout, measured, settings)
    rows = rows.join(make_convergence(layout, measured, curves, settings))
    seconds = sum(cost["step_wall_s"] * cost["steps"] for cost in runs["cost"])
    config = manifest["cells"][0]["config"]
    return rows.assign(
        steps=config["budget"]["steps"],
        seconds=seconds / len(rows),
        natural_zero=layout.units["natural_zero"],
    )


def collect(store: Store) -> pd.DataFrame:
    """Return one row per suite, level and task: the long training's and the reference models' values beside it."""
    parts = []
    for name in [*DIGITS, *_tables(store)]:
        node = store.read_study(f"{name}-{LONG}")["cells"][0]["config"]["suite"]
        references = reference_values(build(node).load(0))
        last = rows_of(store, f"{name}-{LONG}").set_index("task")
        for level in (*LEVELS, LONG):
            rows = rows_of(store, f"{name}-{level}")
            sign = np.where(rows["direction"] == "higher", 1.0, -1.0)
            for side in ("stl", "mtl"):
                best = rows["task"].map(last[f"{side}_mean"])
                rows[f"{side}_behind"] = 100 * sign * (best - rows[f"{side}_mean"]) / best.abs()
            for model in ("linear", "mlp"):
                value = rows["task"].map({task: found[model] for task, found in references.items()})
                rows[f"behind_{model}"] = 100 * sign * (value - rows["stl_mean"]) / value.abs()
            finally_ = rows["task"].map(last["verdict"])
            rows["false_negative"] = (rows["verdict"] == "negative") & (finally_ != "negative")
            parts.append(rows.assign(name=name, level=level, long_verdict=finally_))
    return pd.concat(parts, ignore_index=True)


def _tables(store: Store) -> list[str]:
    names = {study.rpartition("-")[0] for study in store.studies()}
    return sorted(names - set(DIGITS))


def summary(found: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    """Yield one line per level."""
    for level, rows in found.groupby("level"):
        behind = rows["stl_behind"] > SEVERAL
        marked = ~rows["converged"].fillna(True).astype(bool)
        yield {
            "min_steps": int(str(level)),
            "rows": len(rows),
            "behind_long": int(behind.sum()),
            "median_behind_mlp_pct": rows["behind_mlp"].median(),
            "worst_behind_mlp_pct": rows["behind_mlp"].max(),
            "behind_both": int(((rows["behind_mlp"] > SEVERAL) & (rows["behind_linear"] > SEVERAL)).sum()),
            "marked": int(marked.sum()),
            "marked_of_behind": int((marked & behind).sum()),
            "negative": int((rows["verdict"] == "negative").sum()),
            "false_negative": int(rows["false_negative"].sum()),
            "seconds": rows["seconds"].sum(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, required=True, help="of runs; tables are written beside it")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="for every row, as CSV")
    given = parser.parse_args()
    given.store.parent.mkdir(parents=True, exist_ok=True)
    train(given.store, given.seeds)
    found = collect(Store(given.store))
    if given.output:
        found.to_csv(given.output, index=False)
    print(json.dumps({"machine": machine(1), "levels": list(summary(found))}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
