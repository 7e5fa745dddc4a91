"""Weightings beside each other: what a step costs with each, at the same width and network."""

from __future__ import annotations

from benchmarks.goals import STRATEGIES, STRATEGY_GOALS, Measured
from benchmarks.ours import bench_cohort, endless, stepping
from benchmarks.peers import Peer
from benchmarks.timing import measure, ratios, spread
from benchmarks.works import CLOCKS

BATCH, WIDTH, LANES = 32, 64, 64
OTHERS = {"graddrop": "pcgrad", "gradvac": "pcgrad", "mgda": "pcgrad"}
"""Timed without a goal, each against another: methods of three kinds."""


def weightings(seconds: float, repeats: int, clock: str, device: str = "cpu") -> list[Measured]:
    """Time cohorts of 64 lanes in turns, one for each weighting, and return the ratios of their rates.

    Args:
        seconds: for each cohort in each repeat.
        repeats: turns of each.
        clock: a name of `CLOCKS`.
        device: where they train.
    """
    against = {name: base for name, (base, _) in STRATEGY_GOALS.items()} | OTHERS
    names = dict.fromkeys((*against.values(), *against))
    rates = measure({name: _cohort(name, device) for name in names}, seconds, repeats, CLOCKS[clock])
    return [
        Measured(STRATEGIES, f"{name} / {base}", ratios(rates[name], rates[base]), _note(rates[name]))
        for name, base in against.items()
    ]


def _cohort(weighting: str, device: str) -> Peer:
    options, model = {"weighting": weighting}, {"width": WIDTH}
    return stepping(bench_cohort(LANES, endless(BATCH), options, model, on=device))


def _note(rates: list[float]) -> str:
    return f"{spread(rates).median:,.0f} run-steps/s in {LANES} lanes"
