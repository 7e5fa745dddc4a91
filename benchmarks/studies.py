"""Whole commands from start to end: one study on one core and on both, and a study against the plain loop."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections import defaultdict
from typing import Any

from benchmarks.child import Cost, mtlrun, run_child
from benchmarks.goals import CORES, CORES_RATIO, MITIGATIONS, STUDY_RATIO, Measured
from benchmarks.plain_study import MITIGATIONS as TEN
from benchmarks.plain_study import kinds

SEEDS, EPOCHS = 20, 20  # of the study of ten mitigations
CORES_SEEDS = 25
CORES_MITIGATIONS = ("none", "uncertainty", "dwa", "static", "pcgrad", "mgda")  # and 2 baselines: 200 runs


def two_cores(steps: int, repeats: int) -> list[Measured]:
    """Train a 200-run study in one process, then in two, in turns."""
    wanted = ["suite=digits_parity", f"mitigation={','.join(CORES_MITIGATIONS)}", f"seeds={CORES_SEEDS}"]
    wanted += ["budget=steps", f"budget.steps={steps}"]
    costs: dict[int, list[Cost]] = {1: [], 2: []}
    for _ in range(repeats):
        for processes, found in costs.items():
            found.append(_sweep([*wanted, f"launch.processes={processes}"]))
    note = f"{(len(CORES_MITIGATIONS) + 2) * CORES_SEEDS} runs of {steps} steps"
    one, two = costs[1], costs[2]
    pairs = list(zip(one, two, strict=True))
    return [
        Measured(CORES, CORES_RATIO, [a.wall_s / b.wall_s for a, b in pairs], note),
        Measured(
            CORES,
            "1 process / 2 processes, CPU",
            [a.cpu_s / b.cpu_s for a, b in pairs],
            note,
        ),
        *_costs(CORES, "1 process", one),
        *_costs(CORES, "2 processes", two),
    ]


def ten_mitigations(sample: int, repeats: int) -> list[Measured]:
    """Train a study of 10 mitigations x 20 seeds, and a sample of the same runs by the plain loop, in turns.

    Args:
        sample: seeds of the plain side that are timed in all; each repeat takes its share of them.
        repeats: how often our whole study is trained.
    """
    ours, plain, sampled = [], [], max(1, sample // repeats)
    wanted = ["suite=digits_parity", f"mitigation={','.join(TEN)}", f"seeds={SEEDS}"]
    for repeat in range(repeats):
        plain.append(_plain(repeat * sampled, sampled))
        ours.append(_sweep([*wanted, f"budget.epochs={EPOCHS}", "budget.min_steps=1"]))
    count = len(kinds()) * SEEDS
    note = f"{count} runs; plain side: {len(kinds())} kinds x {sampled} of {SEEDS} seeds timed in each repeat"
    pairs = list(zip(plain, ours, strict=True))
    return [
        Measured(MITIGATIONS, STUDY_RATIO, [p["wall_s"] / o.wall_s for p, o in pairs], note),
        Measured(MITIGATIONS, "plain loop / mtlrun, CPU", [p["cpu_s"] / o.cpu_s for p, o in pairs], note),
        Measured(MITIGATIONS, "plain loop, wall s", [p["wall_s"] for p in plain], "extrapolated by count"),
        Measured(MITIGATIONS, "plain loop, CPU s", [p["cpu_s"] for p in plain], "extrapolated by count"),
        *_costs(MITIGATIONS, "mtlrun", ours),
    ]


def whole_study(start: float, runs: list[dict[str, Any]], time: str) -> float:
    """Return the seconds of all runs of the study: the start once, and each kind's mean as often as its seeds.

    Args:
        start: seconds outside the timed runs.
        runs: the timed runs of the sample.
        time: `wall_s` or `cpu_s`.
    """
    of_kind = defaultdict(list)
    for run in runs:
        of_kind[run["kind"]].append(run[time])
    return start + sum(SEEDS * statistics.mean(values) for values in of_kind.values())


def _plain(first_seed: int, seeds: int) -> dict[str, float]:
    script = [sys.executable, "-m", "benchmarks.plain_study", "--epochs", str(EPOCHS)]
    cost = run_child([*script, "--first-seed", str(first_seed), "--seeds", str(seeds)])
    runs = json.loads(cost.output)
    whole = {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s}
    return {t: whole_study(spent - sum(run[t] for run in runs), runs, t) for t, spent in whole.items()}


def _sweep(overrides: list[str]) -> Cost:
    with tempfile.TemporaryDirectory() as store:
        return run_child(mtlrun("sweep", f"store={store}", "device=cpu", *overrides))


def _costs(work: str, who: str, costs: list[Cost]) -> list[Measured]:
    return [
        Measured(work, f"{who}, wall s", [cost.wall_s for cost in costs]),
        Measured(work, f"{who}, CPU s", [cost.cpu_s for cost in costs]),
    ]
