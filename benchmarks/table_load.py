"""How long a large table takes to be read and prepared, and how much memory, as docs/your_data.md gives it.

    python -m benchmarks.table_load [--rows 1000000]

50 columns: 44 normal numbers, 3 of five categories, two regression targets and a binary one; as CSV and as Parquet.
Each is loaded by a process of its own, whose peak of resident memory is told: torch is not imported.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from mtlrun.data.tables.table import Table


def write(folder: Path, rows: int) -> list[Path]:
    """Write the table in both forms."""
    rng = np.random.default_rng(0)
    columns = {f"x{k}": rng.normal(size=rows).round(6) for k in range(44)}
    columns |= {f"c{k}": np.array(list("abcde"))[rng.integers(0, 5, rows)] for k in range(3)}
    columns |= {f"y{k}": columns[f"x{k}"] + rng.normal(size=rows) for k in range(2)}
    table = pa.table({**columns, "z": np.where(columns["x2"] + rng.normal(size=rows) > 0, "yes", "no")})
    csv.write_csv(table, folder / "large.csv")
    parquet.write_table(table, folder / "large.parquet")
    return [folder / "large.csv", folder / "large.parquet"]


def load(path: Path) -> None:
    """Load the table once, and print what it took."""
    begin = time.perf_counter()
    targets: dict[str, str | list[str]] = {"a": "y0", "b": "y1", "c": "z"}
    suite = Table(path=str(path), targets=targets).narrowed(["a", "b", "c"])
    shape = suite.load(0).sources[0].inputs.shape
    took = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{path.name}: {path.stat().st_size / 2**20:.0f} MiB, inputs {shape}, {took:.1f} s, {peak:.2f} GiB")


def main() -> None:
    """Write, then load each form in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for path in write(Path(folder), arguments.rows):
            process = fresh.Process(target=load, args=(path,))
            process.start()
            process.join()


if __name__ == "__main__":
    main()
