"""`python -m benchmarks.bench`: mtlrun, the plain loop, TorchJD and the machine's limit, in one table.

All on one thread by default. `--only equal_b32_w64` runs one work; `--output FILE.json` keeps the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.ours import mtlrun_lanes
from benchmarks.peers import ADAM_OPTIONS, Peer, hand_written, matmul_limit, plain_loop, torchjd_loop
from benchmarks.timing import Spread, fastest, measure, ratio, spread

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


class Work(NamedTuple):
    """What is trained: the weighting of the two tasks, batch size and width."""

    weighting: str
    batch: int
    width: int

    @property
    def name(self) -> str:
        return f"{self.weighting}_b{self.batch}_w{self.width}"


WORKS = [
    Work("equal", 32, 64),
    Work("equal", 64, 128),
    Work("equal", 256, 128),
    Work("pcgrad", 32, 64),
    Work("mgda", 32, 64),
    Work("pcgrad", 64, 128),
]


def references(work: Work, device: str) -> dict[str, Peer]:
    """Return the one-run loops that ratios are taken to, the one with the default optimizer first."""
    if work.weighting == "equal":
        return {
            f"plain loop, {name} Adam": plain_loop(work.width, work.batch, name, device)
            for name in ADAM_OPTIONS
        }
    return {
        f"TorchJD, {name} Adam": torchjd_loop(work.width, work.batch, work.weighting, name, device)
        for name in ADAM_OPTIONS
    }


def limits(work: Work, lanes: Sequence[int], device: str) -> dict[str, Peer]:
    """Return the batched matrix products alone; a second gradient has others, so only for `equal`."""
    if work.weighting != "equal":
        return {}
    return {f"matmul limit, {n} lanes": matmul_limit(work.width, work.batch, n, device) for n in lanes}


def contenders(work: Work, lanes: Sequence[int], device: str) -> dict[str, Peer]:
    """Return mtlrun at each number of lanes, and the hand-written batched loop where the work has one."""
    peers = {}
    for n in lanes:
        if work.weighting == "equal":
            peers[f"hand-written, {n} lanes"] = hand_written(work.width, work.batch, n, device)
        peers[f"mtlrun, {n} lanes"] = mtlrun_lanes(work.width, work.batch, n, work.weighting, device)
    return peers


def run_work(work: Work, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Time all peers of a work; return one row per peer: its rate, its ratios, its share of the limit."""
    torch.manual_seed(0)  # TorchJD draws its orders from the global generator
    bases, tops = references(work, args.device), limits(work, args.lanes, args.device)
    peers = {**bases, **contenders(work, args.lanes, args.device), **tops}
    rates = measure(peers, args.seconds, args.repeats, CLOCKS[args.clock])
    default = next(iter(bases))
    best = fastest({name: rates[name] for name in bases})
    limit = fastest({name: rates[name] for name in tops}) if tops else None
    return [
        {
            "work": work.name,
            "peer": name,
            "run_steps_per_s": spread(values)._asdict(),
            "to_default": ratio(values, rates[default])._asdict(),
            "to_fastest": ratio(values, rates[best])._asdict(),
            "fastest": best,
            "of_limit": ratio(values, rates[limit])._asdict() if limit else None,
        }
        for name, values in rates.items()
    ]


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return the rows for the terminal, the spread over repeats behind each median."""
    page = Table(title="run-steps per second: median (quartiles of the repeats)")
    page.add_column("work", no_wrap=True)
    page.add_column("peer", no_wrap=True)
    for heading in ("run-steps/s", "x default loop", "x fastest loop", "of limit"):
        page.add_column(heading, justify="right", no_wrap=True)
    previous = None
    for row in rows:
        if previous not in (None, row["work"]):
            page.add_section()
        figures = (_cell(row["run_steps_per_s"], 0), _cell(row["to_default"], 2), _cell(row["to_fastest"], 2))
        page.add_row(
            "" if row["work"] == previous else row["work"], row["peer"], *figures, _cell(row["of_limit"], 2)
        )
        previous = row["work"]
    return page


def machine(threads: int) -> dict[str, Any]:
    """Return what the figures depend on: processor, cores, threads, load at the start, versions, date."""
    packages = ("torch", "torchjd", "numpy", "scikit-learn", "mtlrun")
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": _processor(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": threads,
        "load_average": os.getloadavg(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line, run the works, print the table, write the JSON."""
    args = _arguments(argv)
    if args.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no CUDA device on this machine: GPU rows are not measured")
        return
    torch.set_num_threads(args.threads)
    report: dict[str, Any] = {"machine": machine(args.threads), "settings": vars(args), "rows": []}
    console = Console(width=130)
    for work in (work for work in WORKS if work.name in args.only):
        with console.status(f"{work.name} ..."):
            report["rows"] += run_work(work, args)
    console.print(table(report["rows"]), crop=False)
    found = report["machine"]
    place = torch.cuda.get_device_name() if args.device == "cuda" else found["processor"]
    console.print(f"{place}, {args.threads} thread(s), {args.clock} time, torch {torch.__version__}")
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(report, indent=1, default=str) + "\n", encoding="utf-8")
        console.print(f"written to {args.output}")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    names = [work.name for work in WORKS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="WORK", help=", ".join(names)
    )
    parser.add_argument("--lanes", nargs="+", type=int, default=[1, 16, 64], help="lanes to try (1 16 64)")
    parser.add_argument("--seconds", type=float, default=0.1, help="for each loop in each repeat (0.1)")
    parser.add_argument(
        "--repeats", type=int, default=25, help="turns of each loop (25); many short ones beat few long ones"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (1)")
    parser.add_argument(
        "--clock", choices=list(CLOCKS), default="wall", help="`cpu` on a busy machine (wall)"
    )
    parser.add_argument("--output", type=Path, help="JSON file to write")
    return parser.parse_args(argv)


def _cell(figures: dict[str, float] | None, digits: int) -> str:
    if figures is None:
        return ""
    median, low, high = (f"{value:,.{digits}f}" for value in Spread(**figures))
    return f"{median} ({low} to {high})"


def _processor() -> str:
    """Return the processor's name; Linux tells it only in a file."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
