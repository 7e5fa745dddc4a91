"""Run every weighting on the landscape of two losses; write where it ends, and a picture of some paths.

python -m experiments.landscape.run
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path as File

import torch

from experiments.landscape.descend import Path, descend, groups, methods
from experiments.landscape.problem import REACHED, STARTS, distance, gap, losses

HERE = File(__file__).parent
COLUMNS = ("method", "start_x", "start_y", "x", "y", "l1", "l2", "distance", "gap", "reached")


def rows(paths: Iterable[Path]) -> list[list[str]]:
    """Return a line of the table for every path, methods in alphabetical order."""
    found = []
    for path in sorted(paths, key=lambda p: p.method):
        ends = path.points[:, -1]
        values = losses(torch.from_numpy(ends)).numpy()
        near, gaps = distance(ends), gap(ends)
        for k, (x, y) in enumerate(path.points[:, 0]):
            numbers = [x, y, *ends[k], *values[k], near[k], gaps[k]]
            reached = "yes" if gaps[k] <= REACHED else "no"
            found.append([path.method, *(f"{v:.3f}" for v in numbers), reached])
    return found


def run(names: Sequence[str], steps: int, lr: float, jobs: int) -> list[Path]:
    """Return the paths of all methods; groups are spread over `jobs` processes."""
    one = partial(descend, steps=steps, lr=lr, starts=STARTS, traced=True)
    found = groups(names)
    if jobs == 1:
        return list(chain.from_iterable(map(one, found)))
    with ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        return list(chain.from_iterable(pool.map(one, found)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--output", type=File, default=HERE, help="folder for end_points.csv and paths.svg")
    given = parser.parse_args()
    torch.set_num_threads(1)
    paths = run(methods(), given.steps, given.lr, given.jobs)
    given.output.mkdir(parents=True, exist_ok=True)
    with (given.output / "end_points.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows(paths)])
    from experiments.landscape.picture import draw

    draw(paths, given.output / "paths.svg")


if __name__ == "__main__":
    main()
