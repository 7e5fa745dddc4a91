"""`python -m benchmarks.diagnostics`: what recording the tasks' gradients costs while a cohort trains.

Trains a cohort of the quickstart's size with `diagnostics.every` off, at its default, and every 100, 10 and 1 steps,
in turns, and gives the CPU time of each relative to off within each round: medians and quartiles.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Mapping
from typing import Any

import torch
from rich.console import Console

from benchmarks.ours import bench_configs
from benchmarks.timing import Spread, ratio
from mtlrun.training.loop.cohort import Cohort
from mtlrun.training.runtime.allocator import keep_freed_memory

EVERY: dict[str, int | None] = {"off": 0, "evaluations": None, "100": 100, "10": 10, "1": 1}
BUDGET = {"steps": 1000, "batch_size": 32, "evaluations": 10}
MODEL = {"width": 32}


def ratios(
    options: Mapping[str, str], lanes: int, rounds: int, budget: Mapping[str, Any] = BUDGET
) -> dict[str, Spread]:
    """Return the CPU time of each setting relative to off.

    Args:
        options: groups of the runs.
        lanes: of the cohort.
        rounds: of all settings, in random order.
        budget: of a run.
    """
    took: dict[str, list[float]] = {name: [] for name in EVERY}
    order, rng = list(EVERY), random.Random(0)
    _seconds(options, lanes, None, {**budget, "steps": 50})  # imports, caches
    for _ in range(rounds):
        rng.shuffle(order)
        for name in order:
            took[name].append(_seconds(options, lanes, EVERY[name], budget))
    return {name: ratio(values, took["off"]) for name, values in took.items()}


def _seconds(options: Mapping[str, str], lanes: int, every: int | None, budget: Mapping[str, Any]) -> float:
    cohort = Cohort(bench_configs(lanes, budget, options, MODEL), torch.device("cpu"), every=every)
    begun = time.process_time()
    cohort.train()
    return time.process_time() - begun


def main() -> None:
    """Print the ratios of each weighting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weighting", default="equal,pcgrad", help="separated by commas")
    parser.add_argument("--suite", default="digits_attributes")
    parser.add_argument("--lanes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    console = Console(highlight=False)
    for weighting in given.weighting.split(","):
        found = ratios({"suite": given.suite, "weighting": weighting}, given.lanes, given.rounds)
        told = "  ".join(f"{name} {s.median:.3f} ({s.low:.3f} to {s.high:.3f})" for name, s in found.items())
        console.print(f"{weighting}: {told}", soft_wrap=True)


if __name__ == "__main__":
    main()
