"""What else costs: memory, evaluation, planning, starting."""

from __future__ import annotations

import json
import tempfile
import time

from benchmarks.child import Cost, mtlrun, run_child
from benchmarks.goals import EVALUATION_SHARE, PEAK_RATIO, Measured
from benchmarks.ours import bench_cohort

MEMORY_WIDTHS = (64, 512)  # of the MLP, in 64 lanes
EVALUATION_LANES, EVALUATIONS = 10, 10  # the defaults
EVALUATION_STEPS = 561  # 20 epochs of 897 rows in batches of 32
ENOUGH_S = 60.0  # a slow command is not repeated beyond this
COMMANDS = {
    "startup_help": ("--help",),
    "startup_list": ("list",),
    "startup_show": ("show", "weighting=pcgrad"),
}
GRID = (
    "optimizer.lr=1e-4,2e-4,3e-4,5e-4,1e-3,2e-3,3e-3,5e-3,1e-2,2e-2",
    "weighting=equal,uncertainty,dwa,pcgrad,mgda",
    "model.width=16,32,64,128,256",
    "suite=digits_parity,digits_two,digits_attributes,digits_permuted",
    "seeds=20",
)  # 1,000 cells, 20,000 runs


def memory(repeats: int) -> list[Measured]:
    """Hold the peak memory of a process that trains 64 lanes against what `mtlrun plan` announced."""
    found = []
    for width in MEMORY_WIDTHS:
        wanted = ["seeds=64", f"model.width={width}", "budget=steps", "budget.steps=40", "device=cpu"]
        ratios, note = [], ""
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                overrides = [*wanted, "launch.processes=1", f"store={folder}"]
                plan = json.loads(run_child(mtlrun("plan", "--format", "json", *overrides)).output)
                cost = run_child(mtlrun("run", *overrides))
            ratios.append(cost.peak_mib / plan["memory_mib"])
            note = f"{cost.peak_mib:,.0f} MiB, announced {plan['memory_mib']:,} MiB"
        found.append(Measured(f"memory_w{width}", PEAK_RATIO, ratios, note))
    return found


def evaluation(repeats: int) -> list[Measured]:
    """Train a cohort at the default settings with 10 evaluations and with 1, in turns; CPU time.

    The difference is what 9 evaluations take. The share is all 10 over the steps without any, which is more
    than their share in the whole.
    """
    shares, of_whole = [], []
    for _ in range(repeats):
        many, one = (_training_s(evaluations) for evaluations in (EVALUATIONS, 1))
        evaluating = (many - one) / (EVALUATIONS - 1) * EVALUATIONS
        shares.append(evaluating / (many - evaluating))
        of_whole.append(evaluating / many)
    note = f"{EVALUATION_LANES} lanes, {EVALUATION_STEPS} steps, {EVALUATIONS} evaluations"
    return [
        Measured("evaluation_equal", EVALUATION_SHARE, shares, note),
        Measured("evaluation_equal", "evaluation / whole training", of_whole, note),
    ]


def planning(repeats: int) -> list[Measured]:
    """Plan 1,000 cells of 20 seeds."""
    with tempfile.TemporaryDirectory() as store:
        costs = _repeated(mtlrun("plan", "--format", "json", f"store={store}", *GRID), repeats)
    plan = json.loads(costs[-1].output)
    note = f"{plan['cells']:,} cells, {plan['runs_new']:,} runs, baselines included"
    return [
        Measured("planning", "CPU s", [cost.cpu_s for cost in costs], note),
        Measured("planning", "wall s", [cost.wall_s for cost in costs], note),
        Measured("planning", "peak MiB", [cost.peak_mib for cost in costs], note),
    ]


def start_all() -> dict[str, Cost]:
    """Start each command that needs no torch, once."""
    return {name: run_child(mtlrun(*arguments)) for name, arguments in COMMANDS.items()}


def startup(rounds: list[dict[str, Cost]], repeats: int) -> list[Measured]:
    """Return what starting takes.

    Args:
        rounds: what `start_all` gave before each of the other works: the load of a shared machine changes in
            minutes, and rounds one after another would state too narrow a spread.
        repeats: rounds at least; the missing ones are made now.
    """
    every = rounds + [start_all() for _ in range(repeats - len(rounds))]
    costs = {name: [of_all[name] for of_all in every] for name in COMMANDS}
    found = []
    for name, arguments in COMMANDS.items():
        note = " ".join(("mtlrun", *arguments))
        found.append(Measured(name, "CPU s", [cost.cpu_s for cost in costs[name]], note))
        found.append(Measured(name, "wall s", [cost.wall_s for cost in costs[name]], note))
    return found


def _training_s(evaluations: int) -> float:
    budget = {"steps": EVALUATION_STEPS, "batch_size": 32, "evaluations": evaluations}
    cohort = bench_cohort(EVALUATION_LANES, budget, {})
    begun = time.process_time()
    cohort.train()
    return time.process_time() - begun


def _repeated(command: list[str], repeats: int) -> list[Cost]:
    costs = [run_child(command)]
    while len(costs) < repeats and sum(cost.wall_s for cost in costs) + costs[0].wall_s < ENOUGH_S:
        costs.append(run_child(command))
    return costs
