"""`python -m benchmarks.diagnostics`: what recording the tasks' gradients costs while a cohort trains.

Trains a cohort of the quickstart's size with `diagnostics.every` at its default and every 100, 10 and 1 steps.
Prints its CPU time relative to the same run without the calls that record, which are timed on their own: on a shared
machine two runs differ by more than what the default costs. `--turns` also compares it with runs that record nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from rich.console import Console

from benchmarks.ours import bench_configs
from benchmarks.timing import Spread, ratio, spread
from mtlrun.planning.run_spec import RunSpec
from mtlrun.training.loop.cohort import Cohort
from mtlrun.training.loop.gradient_records import GradientRecords
from mtlrun.training.runtime.allocator import keep_freed_memory

EVERY: dict[str, int | None] = {"evaluations": None, "100": 100, "10": 10, "1": 1}
BUDGET = {"steps": 1000, "batch_size": 32, "evaluations": 10}
MODEL = {"width": 32}
CALLS = ("before", "after", "told")


class Spent(NamedTuple):
    """CPU seconds of a training run, and those of them that records took."""

    total: float
    records: float


def train(suite: str, weighting: str, lanes: int, every: int | None) -> Spent:
    """Train a cohort of that many lanes once."""
    configs = bench_configs(lanes, BUDGET, {"suite": suite, "weighting": weighting}, MODEL)
    cohort = Cohort([RunSpec.of(c) for c in configs], torch.device("cpu"), every=every)
    with timed_records() as spent:
        begun = time.process_time()
        cohort.train()
        return Spent(time.process_time() - begun, sum(spent))


@contextmanager
def timed_records() -> Iterator[list[float]]:
    """Yield a list that gets the CPU seconds of every call that records."""
    spent: list[float] = []

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            begun = time.process_time()
            found = call(*arguments, **named)
            spent.append(time.process_time() - begun)
            return found

        return wrapped

    with ExitStack() as stack:
        for name in CALLS:
            stack.enter_context(patch.object(GradientRecords, name, timed(getattr(GradientRecords, name))))
        yield spent


def measured(suite: str, weighting: str, lanes: int, rounds: int, turns: bool) -> dict[str, Spread]:
    """Return the CPU time of each setting relative to training without records."""
    runs: dict[str, list[Spent]] = {name: [] for name in EVERY}
    off: list[float] = []
    for _ in range(rounds):
        for name, every in EVERY.items():
            runs[name].append(train(suite, weighting, lanes, every))
        off += [train(suite, weighting, lanes, 0).total] if turns else []
    found = {name: spread([s.total / (s.total - s.records) for s in spent]) for name, spent in runs.items()}
    if turns:
        found |= {f"{name}, by turns": ratio([s.total for s in spent], off) for name, spent in runs.items()}
    return found


def main() -> None:
    """Print the ratios of each weighting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weighting", default="equal,pcgrad", help="separated by commas")
    parser.add_argument("--suite", default="digits_attributes")
    parser.add_argument("--lanes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turns", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    console = Console(highlight=False)
    for weighting in given.weighting.split(","):
        train(given.suite, weighting, given.lanes, 10)  # imports and caches
        found = measured(given.suite, weighting, given.lanes, given.rounds, given.turns)
        told = "  ".join(f"{name} {s.median:.3f} ({s.low:.3f} to {s.high:.3f})" for name, s in found.items())
        console.print(f"{weighting}: {told}", soft_wrap=True)


if __name__ == "__main__":
    main()
