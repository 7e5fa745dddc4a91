"""What a study is expected to take: time and memory, before anything trains."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mtlrun.config import build
from mtlrun.plan.cohorts import CohortPlan, ProgramPlan
from mtlrun.training.evaluate import MAX_ELEMENTS
from mtlrun.training.network import Parts, build_network
from mtlrun.training.numerics import STORED

RUN_STEP_S = 1.2e-4  # of one lane in a wide cohort: kernels' overheads, optimizer, evaluation
FLOPS = 2e10  # of batched float32 matrix products on one core
PROCESS_MIB = 460.0  # Python, torch, pandas, scikit-learn and the data of the built-in suites
REAL_PARAMETERS = 2**26
MOMENTS = {"Adam": 2, "AdamW": 2, "SGD": 1}


@dataclass
class Estimate:
    """What training is expected to take.

    Attributes:
        seconds: wall time, with the given number of processes.
        memory_mib: peak memory of one process.
    """

    seconds: float
    memory_mib: float


@dataclass(frozen=True)
class Size:
    """What one run of a program needs.

    Attributes:
        memory_mib: of one lane at the peak, without what any process needs.
        flops: of one training step.
    """

    memory_mib: float
    flops: float


def estimate(cohorts: Sequence[CohortPlan], processes: int = 1) -> Estimate:
    """Return the expected cost of cohorts whose programs have been sized by `size_programs`."""
    widest = max((len(c.run_ids) * run_size(c.configs[0]).memory_mib for c in cohorts), default=0.0)
    return Estimate(sum(c.cost for c in cohorts) / processes, PROCESS_MIB + widest)


def size_programs(programs: Sequence[ProgramPlan], memory_mib: float) -> None:
    """Set each program's expected seconds of a run-step, and the lanes that a process's memory holds."""
    for program in programs:
        size = run_size(program.configs[0])
        program.step_s = RUN_STEP_S + size.flops / FLOPS
        program.fits = max(1, int((memory_mib - PROCESS_MIB) / size.memory_mib))


def run_size(config: Mapping[str, Any]) -> Size:
    """Return what a run with this canonical config needs, from its network's shapes alone."""
    return _run_size(json.dumps({**config, "seed": 0}, sort_keys=True))


@functools.lru_cache(maxsize=4096)
def _run_size(text: str) -> Size:
    config = json.loads(text)
    info, parts = build(config["suite"]).info(), Parts.of(config)
    with torch.device("meta"):
        network = build_network(parts, info, seed=0)
    sizes = {name: p.numel() for name, p in network.named_parameters()}
    total, tasks = sum(sizes.values()), len(info.tasks)
    shared = sum(n for name, n in sizes.items() if network.owners()[name] is None) if tasks > 1 else 0
    # Of a model of usual size one row is really computed: the first forward pass on meta imports for 2 s.
    device = "cpu" if total < REAL_PARAMETERS else "meta"
    batch = config["budget"]["batch_size"]
    rows = [s.rows["train"] if batch == "full" else batch for s in info.sources]
    inputs = [torch.zeros(1, *s.input_shape, device=device) for s in info.sources]
    scale = max(rows)
    held, widest, flops = (scale * n for n in _forward(network.to_empty(device=device), inputs))
    surgery = parts.weighting.needs == "gramian" and shared > 0
    # Parameters, moments, the last step's gradients; then one gradient by task, in evaluation or in the step.
    by_task = tasks * shared + (total - shared)
    kept = total * (2 + MOMENTS.get(type(parts.optimizer).__name__, 2))
    step = kept + max(held + widest + by_task, by_task + total if surgery else 0)
    per_row = widest / scale
    evaluated = max(max(s.rows["val"], s.rows["test"]) for s in info.sources)
    elements = max(inputs[0][0].numel(), 1)
    evaluation = kept + 2 * per_row * min(evaluated, MAX_ELEMENTS / elements)
    width = torch.empty((), dtype=STORED[config["dtype"]]).itemsize
    backward = 2 * flops * (tasks if surgery else 1)
    return Size(max(step, evaluation) * width / 2**20, flops + backward)


def _forward(network: nn.Module, inputs: Sequence[torch.Tensor]) -> tuple[int, int, int]:
    """Return elements that a forward pass leaves for the backward one, the most of one layer, and FLOPs."""
    sizes, flops = [x.numel() for x in inputs], 0

    def hook(module: nn.Module, args: Any, output: Any) -> None:
        nonlocal flops
        if isinstance(output, torch.Tensor):
            sizes.append(output.numel())
            weight = getattr(module, "weight", None)
            if weight is not None and weight.dim() > 1:  # dense or convolution: a product for every output
                flops += 2 * output.numel() * weight[0].numel()

    leaves = [m for m in network.modules() if not list(m.children())]
    handles = [leaf.register_forward_hook(hook) for leaf in leaves]
    with torch.no_grad():
        network(list(inputs))
    for handle in handles:
        handle.remove()
    return sum(sizes), max(sizes), flops
