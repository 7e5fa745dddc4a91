"""How many steps a run needs, however small its data: what `budget.min_steps` should be.

    python -m benchmarks.enough_training --store DIR [--seeds 5] [--only NAME,NAME] [--output FILE]

Trains every suite of digits and every small table once, for `LONG` steps, and reads shorter trainings from the same
runs: with a constant learning rate a run's first steps are those of a shorter run, so that only its evaluations have
to be dense. Per number of steps: how far single-task test values are behind those of the long training and behind
scikit-learn's models at convergence, which rows the convergence check marks, and which verdicts `negative` the long
training takes back. Runs that the store has are not trained again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machine import machine
from benchmarks.reference_models import reference_values
from benchmarks.small_tables import write_tables
from mtlrun.cli import main as command
from mtlrun.config import build
from mtlrun.planning.manifest import study_runs
from mtlrun.report.analysis.pairs.layout import lay_out
from mtlrun.report.analysis.pairs.paired_values import measure
from mtlrun.report.analysis.rows import make_rows
from mtlrun.report.analysis.training.convergence import make_convergence
from mtlrun.statistics.settings import Statistics
from mtlrun.store.store import Store

LEVELS = (250, 500, 1000, 2000, 4000)
LONG = LEVELS[-1]
EVALUATIONS = 10
"""Of a run of each length; the default."""

BEHIND = 1.0
"""Percent by which a value is worse than another that count as behind it: the default margin."""

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


def train(store: Path, seeds: int, names: Sequence[str]) -> None:
    """Train suites for so long that every level can be read from their runs.

    Raises:
        RuntimeError: a command failed.
    """
    length = [f"budget.steps={LONG}", f"budget.evaluations={EVALUATIONS * LONG // LEVELS[0]}"]
    known = suites(store.parent)
    for name in names or known:
        told = [f"study={name}", f"store={store}", f"seeds={seeds}", "launch.processes=1"]
        code = command(["run", *known[name], *length, *told])
        if code:
            raise RuntimeError(f"`mtlrun run` of {name} ended with exit code {code}")


def shortened(curves: pd.DataFrame, steps: int) -> pd.DataFrame:
    """Return the curves that runs of so many steps would have."""
    return curves[(curves["step"] <= steps) & (curves["step"] % (steps // EVALUATIONS) == 0)]


def rows_of(store: Store, study: str) -> dict[int, pd.DataFrame]:
    """Return by level the rows of a stored study, with what the convergence check says of them."""
    manifest = store.read_study(study)
    ids = study_runs(manifest["cells"])
    runs, curves = store.runs(ids), store.curves(ids)
    settings = Statistics(**{k: v for k, v in manifest["statistics"].items() if not k.startswith("_")})
    layout = lay_out(manifest)
    found = {}
    for level in LEVELS:
        short = shortened(curves, level)
        measured = measure(layout, runs, short)
        rows = make_rows(layout, measured, settings)
        found[level] = rows.join(make_convergence(layout, measured, short, settings))
    return found


def collect(store: Store) -> pd.DataFrame:
    """Return one row per suite, level and task, compared with the long training and with the reference models."""
    parts = []
    for name in store.studies():
        levels = rows_of(store, name)
        node = store.read_study(name)["cells"][0]["config"]["suite"]
        references = reference_values(build(node).load(0))
        last = levels[LONG].set_index("task")
        for level, rows in levels.items():
            sign = np.where(rows["direction"] == "higher", 1.0, -1.0)
            for side in ("stl", "mtl"):
                best = rows["task"].map(last[f"{side}_mean"])
                rows[f"{side}_behind_long"] = 100 * sign * (best - rows[f"{side}_mean"]) / best.abs()
            for model in ("linear", "mlp"):
                value = rows["task"].map({task: found[model] for task, found in references.items()})
                rows[f"behind_{model}"] = 100 * sign * (value - rows["stl_mean"]) / value.abs()
            end = rows["task"].map(last["verdict"])
            rows["false_negative"] = (rows["verdict"] == "negative") & (end != "negative")
            parts.append(rows.assign(name=name, level=level, long_verdict=end))
    return pd.concat(parts, ignore_index=True)


def summary(found: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield one line per level."""
    for level, rows in found.groupby("level"):
        behind = (rows[["stl_behind_long", "mtl_behind_long"]] > BEHIND).any(axis=1)
        marked = ~rows["converged"].fillna(True).astype(bool)
        yield {
            "steps": int(str(level)),
            "rows": len(rows),
            "behind_long": int(behind.sum()),
            "median_behind_mlp_pct": round(rows["behind_mlp"].median(), 2),
            "worst_behind_mlp_pct": round(rows["behind_mlp"].max(), 1),
            "behind_mlp_and_linear": int((rows[["behind_mlp", "behind_linear"]] > BEHIND).all(axis=1).sum()),
            "marked": int(marked.sum()),
            "marked_of_behind": int((marked & behind).sum()),
            "negative": int((rows["verdict"] == "negative").sum()),
            "false_negative": int(rows["false_negative"].sum()),
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, required=True, help="of runs; tables are written beside it")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="for every row, as CSV")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=[], help="names of suites to train"
    )
    given = parser.parse_args()
    given.store.parent.mkdir(parents=True, exist_ok=True)
    train(given.store, given.seeds, given.only)
    found = collect(Store(given.store))
    if given.output:
        found.to_csv(given.output, index=False)
    print(json.dumps({"machine": machine(1), "levels": list(summary(found))}, indent=1))


if __name__ == "__main__":
    main()
