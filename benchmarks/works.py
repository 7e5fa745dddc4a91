"""The works that are timed step by step, and the loops that take part in each.

A row is one loop of one work: its rate, and its ratios to the one-run loops and to the matmul limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch

from benchmarks.goals import (
    BEST_OF_LIMIT,
    BEST_TO_HAND,
    BEST_TO_PLAIN,
    GPU_TO_PLAIN,
    ONE_TO_PLAIN,
    Measured,
)
from benchmarks.image_peers import image_loop
from benchmarks.ours import bench_cohort, endless, stepping
from benchmarks.peers import ADAM_OPTIONS, Peer, hand_written, matmul_limit, plain_loop, torchjd_loop
from benchmarks.timing import fastest, interval, measure, ratios, spread

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
MODELS = {"mlp": "mlp", "lenet": "convnet", "resnet": "resnet18"}  # the option that is the same network
MEMORY_STEPS = 5  # of the pass that measures memory on a GPU
GPU_GOAL_LANES = 256


class Work(NamedTuple):
    """What is trained: a network, the weighting of its two tasks, batch size, and width (channels for ResNet)."""

    network: str
    weighting: str
    batch: int
    width: int

    @property
    def name(self) -> str:
        if self.network == "mlp":
            return f"{self.weighting}_b{self.batch}_w{self.width}"
        return f"{self.network}_b{self.batch}"


class Loop(NamedTuple):
    """A loop of a work: its part (`plain`, `hand`, `ours`, `compiled`, `limit`), and how it is made."""

    part: str
    name: str
    lanes: int
    make: Callable[[], Peer]


STEPS = [
    Work("mlp", "equal", 32, 64),
    Work("mlp", "equal", 64, 128),
    Work("mlp", "equal", 256, 128),
    Work("mlp", "pcgrad", 32, 64),
    Work("mlp", "mgda", 32, 64),
    Work("mlp", "pcgrad", 64, 128),
]
IMAGES = [Work("lenet", "equal", 32, 64), Work("lenet", "equal", 128, 64), Work("resnet", "equal", 32, 8)]


def loops(work: Work, lanes: Sequence[int], device: str) -> list[Loop]:
    """Return every loop of a work: one-run loops first, the one with the default optimizer before the others."""
    found = [_one_run(work, optimizer, device) for optimizer in ADAM_OPTIONS]
    plain_sum = work.network == "mlp" and work.weighting == "equal"
    for n in lanes:
        if plain_sum:
            found.append(
                Loop(
                    "hand",
                    f"hand-written, {n} lanes",
                    n,
                    partial(hand_written, work.width, work.batch, n, device),
                )
            )
        found.append(Loop("ours", f"mtlrun, {n} lanes", n, partial(_ours, work, n, device)))
    if work.network == "mlp":  # an image network compiles for minutes
        widths = {n for n in lanes if n > 1} if device == "cpu" else {max(lanes), GPU_GOAL_LANES} & set(lanes)
        for n in sorted(widths):
            compiled = partial(_ours, work, n, device, "inductor")
            found.append(Loop("compiled", f"mtlrun compiled, {n} lanes", n, compiled))
    if plain_sum:  # a second gradient has other products
        found += [
            Loop(
                "limit",
                f"matmul limit, {n} lanes",
                n,
                partial(matmul_limit, work.width, work.batch, n, device),
            )
            for n in lanes
        ]
    return found


def run_work(
    work: Work, lanes: Sequence[int], device: str, seconds: float, repeats: int, clock: str
) -> tuple[list[dict[str, Any]], list[Measured]]:
    """Time all loops of a work in turns; return one row per loop, and the measures that goals are set for."""
    torch.manual_seed(0)  # TorchJD draws its orders from the global generator
    taking_part = loops(work, lanes, device)
    memory = {}
    if device == "cuda":
        _peak_mib(taking_part[0], device)  # what CUDA's libraries allocate once is nobody's
        memory = {loop.name: _peak_mib(loop, device) for loop in taking_part}
    rates = measure({loop.name: loop.make() for loop in taking_part}, seconds, repeats, CLOCKS[clock])
    return _rows(work, taking_part, rates, memory), _measures(work, taking_part, rates, device)


def _one_run(work: Work, optimizer: str, device: str) -> Loop:
    make: Callable[[], Peer]
    if work.network != "mlp":
        make = partial(image_loop, work.network, work.width, work.batch, optimizer, device)
    elif work.weighting == "equal":
        make = partial(plain_loop, work.width, work.batch, optimizer, device)
    else:
        make = partial(torchjd_loop, work.width, work.batch, work.weighting, optimizer, device)
    kind = "plain loop" if work.weighting == "equal" else "TorchJD"
    return Loop("plain", f"{kind}, {optimizer} Adam", 1, make)


def _ours(work: Work, lanes: int, device: str, compiler: str | None = None) -> Peer:
    options = {"weighting": work.weighting, "model": MODELS[work.network]}
    images = work.network != "mlp"
    cohort = bench_cohort(lanes, endless(work.batch), options, model_settings(work), images, device, compiler)
    return stepping(cohort)


def model_settings(work: Work) -> dict[str, Any]:
    """Return the settings of the model that make it the network of the peer."""
    return {"channels": work.width} if work.network == "resnet" else {"width": work.width}


def _peak_mib(loop: Loop, device: str) -> float:
    """Return the GPU memory that a loop takes at most, from its making to the end of a few steps."""
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    peer = loop.make()
    for _ in range(MEMORY_STEPS):
        peer.step()
    torch.cuda.synchronize(device)
    return (torch.cuda.max_memory_allocated(device) - before) / 2**20


def _rows(
    work: Work, taking_part: Sequence[Loop], rates: dict[str, list[float]], memory: dict[str, float]
) -> list[dict[str, Any]]:
    plain = [loop.name for loop in taking_part if loop.part == "plain"]
    tops = {loop.name: rates[loop.name] for loop in taking_part if loop.part == "limit"}
    best = fastest({name: rates[name] for name in plain})
    limit = rates[fastest(tops)] if tops else None
    return [
        {
            "work": work.name,
            "peer": loop.name,
            "part": loop.part,
            "lanes": loop.lanes,
            "run_steps_per_s": spread(rates[loop.name])._asdict(),
            "median_interval": interval(rates[loop.name])._asdict(),
            "to_default": spread(ratios(rates[loop.name], rates[plain[0]]))._asdict(),
            "to_fastest": spread(ratios(rates[loop.name], rates[best]))._asdict(),
            "fastest": best,
            "of_limit": spread(ratios(rates[loop.name], limit))._asdict() if limit else None,
            "memory_mib": memory.get(loop.name),
            "repeats": rates[loop.name],
        }
        for loop in taking_part
    ]


def _measures(
    work: Work, taking_part: Sequence[Loop], rates: dict[str, list[float]], device: str
) -> list[Measured]:
    """Each is a ratio within repeats of the loops with the highest medians."""

    def best(*parts: str, lanes: int | None = None) -> tuple[str, list[float]]:
        names = [p.name for p in taking_part if p.part in parts and lanes in (None, p.lanes)]
        name = fastest({name: rates[name] for name in names}) if names else ""
        return name, rates.get(name, [])

    ours = best("ours", "compiled")
    wanted = [(BEST_TO_PLAIN, ours, best("plain")), (BEST_TO_HAND, ours, best("hand"))]
    wanted += [(BEST_OF_LIMIT, ours, best("limit")), (ONE_TO_PLAIN, best("ours", lanes=1), best("plain"))]
    if device == "cuda":
        wanted = [(GPU_TO_PLAIN, best("ours", "compiled", lanes=GPU_GOAL_LANES), best("plain"))]
    return [
        Measured(work.name, name, ratios(values, base), f"{who} / {whom}")
        for name, (who, values), (whom, base) in wanted
        if values and base
    ]
