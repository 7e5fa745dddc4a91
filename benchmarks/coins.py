"""Trained studies whose labels are fair coins: every network is right half the time, so every verdict is false.

    python -m benchmarks.coins [--tables 24] [--output FILE]

Each table is a study of its own: 150 training, 50 validation and 500 test rows, 8 inputs, 6 targets. It is trained by
the command line, and judged after 5, 20 and 80 seeds, over test examples and over seeds alone.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machine import machine
from mtlrun.cli import main as mtlrun
from mtlrun.planning.study import study_runs
from mtlrun.report.analysis.summary import summarise
from mtlrun.store.store import Store

ROWS = {"train": 150, "val": 50, "test": 500}
INPUTS, TARGETS, SEEDS, ALPHA = 8, 6, (5, 20, 80), 0.05
TRAINED = ("budget=steps", "budget.steps=40", "budget.batch_size=full", "budget.evaluations=2")
NETWORK = ("model.width=16", "optimizer.lr=0.01")


def coin_table(number: int) -> pd.DataFrame:
    """Return a table whose targets have nothing to do with its inputs."""
    rng, rows = np.random.default_rng([11, number]), sum(ROWS.values())
    table = pd.DataFrame(rng.normal(size=(rows, INPUTS)).round(4), columns=[f"x{i}" for i in range(INPUTS)])
    for target in range(TARGETS):
        table[f"t{target}"] = np.where(rng.random(rows) < 0.5, "u", "v")
    table["part"] = np.repeat(list(ROWS), list(ROWS.values()))
    return table


def coin_rows(tables: int) -> pd.DataFrame:
    """Train and judge the studies; return their report's rows with `table`, `seeds` and `over`."""
    with tempfile.TemporaryDirectory() as folder:
        return pd.concat(list(_studies(Path(folder), tables)), ignore_index=True)


def _studies(folder: Path, tables: int) -> Iterator[pd.DataFrame]:
    names = ", ".join(f"t{i}: t{i}" for i in range(TARGETS))
    for number in range(tables):
        path = folder / f"coins{number}.csv"
        coin_table(number).to_csv(path, index=False)
        data = ("suite=table", f"suite.path={path}", f"suite.targets={{{names}}}", "suite.split=part")
        asked = ("suite.metrics={binary: accuracy}", f"seeds={max(SEEDS)}", f"store={folder}/runs")
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            assert mtlrun(["run", *data, *asked, *TRAINED, *NETWORK, f"study=coins{number}"]) == 0
        for seeds, over, rows in _judged(Store(folder / "runs"), f"coins{number}"):
            yield rows.assign(table=number, seeds=seeds, over_asked=over)


def _judged(store: Store, study: str) -> Iterator[tuple[int, str, pd.DataFrame]]:
    """Yield the rows that a study would have had with fewer seeds, and over seeds alone."""
    manifest = store.read_study(study)
    ids = study_runs(manifest["cells"])
    stored = store.runs(ids), store.curves(ids), store.scores(ids)
    for seeds in SEEDS:
        cells = [_first(cell, seeds) for cell in manifest["cells"]]
        for over in ("examples", "seeds"):
            judged = {"cells": cells, "statistics": manifest["statistics"] | {"over": over}}
            yield seeds, over, summarise(manifest | judged, *stored).rows


def _first(cell: dict[str, Any], seeds: int) -> dict[str, Any]:
    """Return a manifest's cell with its first seeds only."""
    baselines = {task: runs[:seeds] for task, runs in cell["baselines"].items()}
    return cell | {"seeds": cell["seeds"][:seeds], "runs": cell["runs"][:seeds], "baselines": baselines}


def coin_rates(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return by scope and number of seeds the share of rows with p < .05, and of studies with a false verdict."""
    found = {}
    for (over, seeds), part in rows.groupby(["over_asked", "seeds"]):
        signs = part["verdict"].isin(["negative", "positive"]).groupby(part["table"]).any()
        found[f"over {over}, {seeds} seeds"] = {
            "rows with p < .05": float((part["p"] < ALPHA).mean()),
            "studies with a false verdict": float(signs.mean()),
        }
    return found


def main() -> None:
    """Print the rates, and write them where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--output", type=Path)
    asked, begin = parser.parse_args(), time.time()
    rates = coin_rates(coin_rows(asked.tables))
    for line, found in rates.items():
        print(f"{line:<28} " + "  ".join(f"{word} {value:.3f}" for word, value in found.items()))
    print(f"{asked.tables} tables, {time.time() - begin:.0f} s")
    if asked.output:
        told = {"tables": asked.tables, "machine": machine(1), **rates}
        asked.output.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
