"""`python -m benchmarks.bench`: mtlrun beside the plain loop, TorchJD and the machine's limit, and its goals.

`--only` picks groups or works: steps, images, strategies, studies, memory, evaluation, scores, planning, startup, or
one as equal_b32_w64. `--output FILE.json` keeps every figure; `--compare FILE.json` holds a run against an earlier
one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import example_scores, resources, strategies, studies
from benchmarks.child import CommandFailed, Cost
from benchmarks.compare import compared
from benchmarks.goals import CORES, GPU_GOALS, MITIGATIONS, STRATEGIES, Measured, cpu_goals, judge
from benchmarks.machine import machine
from benchmarks.tables import compared_table, goals_table, measures_table, rates_table
from benchmarks.timing import interval, spread
from benchmarks.works import CLOCKS, IMAGES, STEPS, run_work
from mtlrun.training.runtime.allocator import keep_freed_memory

STEP_WORKS = {work.name: work for work in STEPS}
IMAGE_WORKS = {work.name: work for work in IMAGES}
GROUPS: dict[str, tuple[str, ...]] = {
    "steps": tuple(STEP_WORKS),
    "images": tuple(IMAGE_WORKS),
    "strategies": (STRATEGIES,),
    "studies": (CORES, MITIGATIONS),
    "memory": ("memory",),
    "evaluation": ("evaluation",),
    "scores": ("scores_training", "scores_studies"),
    "planning": ("planning",),
    "startup": ("startup",),
}
ON_GPU = ("steps", "images")
LANES = {"steps": (1, 16, 64), "images": (1, 4, 16)}


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line, measure, print the tables, write the JSON."""
    args = _arguments(argv)
    if args.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no CUDA device on this machine: GPU rows are not measured")
        return
    torch.set_num_threads(args.threads)
    keep_freed_memory()  # as where mtlrun trains; here it serves all loops alike
    chosen = _chosen(args.only or (ON_GPU if args.device == "cuda" else tuple(GROUPS)))
    console = Console(width=150)
    report: dict[str, Any] = {
        "machine": machine(args.threads),
        "settings": vars(args),
        "rows": [],
        "failed": {},
    }
    measured: list[Measured] = []
    rounds: list[dict[str, Cost]] = []
    for work, act in _measurements(chosen, args, report["rows"], rounds).items():
        with console.status(f"{work} ..."):
            try:
                if "startup" in chosen and work != "startup":
                    rounds.append(resources.start_all())
                measured += act()
            except CommandFailed as failure:  # the other figures stand
                report["failed"][work] = str(failure)
    report["measures"] = [_facts(found) for found in measured]
    goals = cpu_goals([*STEP_WORKS, *IMAGE_WORKS], IMAGE_WORKS, resources.COMMANDS)
    outcomes = judge(GPU_GOALS if args.device == "cuda" else goals, measured)
    report["goals"] = [outcome.facts() for outcome in outcomes]
    _show(console, report, args)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(report, indent=1, default=str) + "\n", encoding="utf-8")
        console.print(f"written to {args.output}")
    for work, message in report["failed"].items():
        print(f"{work} was not measured: {message}", file=sys.stderr)
    if report["failed"]:
        sys.exit(1)


def _measurements(
    chosen: Sequence[str], args: argparse.Namespace, rows: list[dict[str, Any]], rounds: list[dict[str, Cost]]
) -> dict[str, Callable[[], list[Measured]]]:
    """Return what measures each chosen work; timed loops also add their rows, `rounds` are of start-up."""

    def loops_of(name: str) -> list[Measured]:
        group = "steps" if name in STEP_WORKS else "images"
        work = {**STEP_WORKS, **IMAGE_WORKS}[name]
        clock = args.clock or ("wall" if args.device == "cuda" else "cpu")
        lanes = args.lanes or LANES[group]
        repeats = args.repeats if group == "steps" else args.image_repeats
        seconds = args.seconds if group == "steps" else args.image_seconds
        found, measures = run_work(work, lanes, args.device, seconds, repeats, clock)
        rows.extend(found)
        return measures

    slow, quick = args.study_repeats, args.quick_repeats
    acts: dict[str, Callable[[], list[Measured]]] = {
        name: partial(loops_of, name) for name in (*STEP_WORKS, *IMAGE_WORKS)
    }
    acts[STRATEGIES] = lambda: strategies.weightings(args.seconds, args.repeats, args.clock or "cpu")
    acts[CORES] = lambda: studies.two_cores(args.study_steps, slow)
    acts[MITIGATIONS] = lambda: studies.ten_mitigations(args.sample, slow)
    acts["memory"] = lambda: resources.memory(slow)
    acts["evaluation"] = lambda: resources.evaluation(quick)
    acts["scores_training"] = lambda: example_scores.training(quick)
    acts["scores_studies"] = lambda: example_scores.studies(quick)
    acts["planning"] = lambda: resources.planning(slow)
    acts["startup"] = lambda: resources.startup(rounds, quick)
    return {name: act for name, act in acts.items() if name in chosen}


def _chosen(names: Sequence[str]) -> list[str]:
    return [work for name in names for work in GROUPS.get(name, (name,))]


def _facts(found: Measured) -> dict[str, Any]:
    return {
        "work": found.work,
        "measure": found.measure,
        "value": spread(found.values)._asdict(),
        "median_interval": interval(found.values)._asdict(),
        "note": found.note,
        "repeats": list(found.values),
    }


def _show(console: Console, report: dict[str, Any], args: argparse.Namespace) -> None:
    if report["rows"]:
        console.print(rates_table(report["rows"]), crop=False)
    console.print(measures_table(report["measures"]), crop=False)
    console.print(goals_table(report["goals"]), crop=False)
    met = sum(outcome["verdict"] == "met" for outcome in report["goals"])
    console.print(f"{met} of {len(report['goals'])} goals met; ? where another run might say otherwise")
    found = report["machine"]
    place = found["gpu"] if args.device == "cuda" else found["processor"]
    clock = args.clock or ("wall" if args.device == "cuda" else "CPU")
    console.print(
        f"{place}, {args.threads} thread(s), {clock} time for the rates, torch {torch.__version__}, "
        f"load {found['load_average'][0]:.1f} at the start"
    )
    if args.compare:
        pairs = compared(json.loads(args.compare.read_text(encoding="utf-8"))["measures"], report["measures"])
        report["compared"] = {"agree": sum(agrees for _, _, agrees in pairs), "of": len(pairs)}
        agree = "{agree} of {of} measures agree with the earlier run".format(**report["compared"])
        console.print(f"{agree} (seconds go with the load of the machine; ratios should not)")
        if not all(agrees for _, _, agrees in pairs):
            console.print(compared_table(pairs), crop=False)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    names = [*GROUPS, *(work for works in GROUPS.values() for work in works if work not in GROUPS)]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument(
        "--lanes", nargs="+", type=int, help="lanes to try (1 16 64 for steps, 1 4 16 for images)"
    )
    parser.add_argument("--seconds", type=float, default=0.1, help="for each loop in each repeat (0.1)")
    parser.add_argument("--image-seconds", type=float, default=0.25, help="the same for images (0.25)")
    parser.add_argument("--repeats", type=int, default=20, help="turns of each loop of steps (20)")
    parser.add_argument("--image-repeats", type=int, default=10, help="turns of each loop of images (10)")
    parser.add_argument("--study-repeats", type=int, default=2, help="of whole studies, memory, planning (2)")
    parser.add_argument("--quick-repeats", type=int, default=7, help="of evaluation and start-up (7)")
    parser.add_argument("--study-steps", type=int, default=7500, help="of a run of the 200-run study (7500)")
    parser.add_argument(
        "--sample", type=int, default=2, help="seeds of 20 that the plain study is timed on (2)"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of the loops (1)")
    parser.add_argument("--clock", choices=list(CLOCKS), help="of the rates (cpu; wall on a GPU)")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--compare", type=Path, help="JSON file of an earlier run to hold this one against")
    args = parser.parse_args(argv)
    elsewhere = set(_chosen(args.only or ())) - set(_chosen(ON_GPU))
    if args.device == "cuda" and elsewhere:
        parser.error(f"--only: on a GPU must be of {', '.join(_chosen(ON_GPU))}; found {sorted(elsewhere)}")
    return args


if __name__ == "__main__":
    main()
