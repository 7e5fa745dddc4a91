"""What a study is expected to take: time and memory, before anything trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mtlrun.data.task import SuiteInfo
from mtlrun.errors import ConfigError, Fault
from mtlrun.memo import Memo
from mtlrun.planning.cohorts import CohortPlan, ProgramPlan
from mtlrun.planning.run_spec import CellSpec
from mtlrun.training.loop.evaluate import MAX_ELEMENTS
from mtlrun.training.network import Parts, build_network
from mtlrun.training.optimizers import Optimizer
from mtlrun.training.runtime.numerics import STORED
from mtlrun.training.vectorize.batchnorm import norms_of
from mtlrun.training.vectorize.lane_backends import is_foreign, why_one_by_one
from mtlrun.weighting.base import Weighting

RUN_PASS_S = 4e-5
"""Of one lane in a wide cohort, where a plain step is three passes: overheads of kernels, optimizer, evaluation."""

FLOPS = 2e10  # of batched float32 matrix products on one core
PROCESS_MIB = 460.0  # Python, torch, pandas, scikit-learn and the data of the built-in suites
REAL_PARAMETERS = 2**26
RESIDENT_SHARE = 0.5  # of the memory, that inputs may take before they are streamed


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
        passes: that a step takes, of the length of a forward pass.
        record_passes: the same of a record of the tasks' gradients.
        apart: why lanes pass one by one, or None.
    """

    memory_mib: float
    flops: float
    passes: int
    record_passes: int = 0
    apart: str | None = None


@dataclass(frozen=True)
class _NetworkSize:
    """What a network needs, whatever trains it. Elements, and FLOPs of a forward pass, are per row.

    Attributes:
        total: parameters.
        shared: those that several tasks use.
        held: elements that a forward pass leaves for the backward one.
        widest: elements of the largest layer.
        flops: of a forward pass.
        input: elements of an example.
        by_batch: whether training normalises by the batch.
        apart: why vmap cannot take it, so that lanes pass one by one, or None.
    """

    total: int
    shared: int
    held: int
    widest: int
    flops: int
    input: int
    by_batch: bool
    apart: str | None


def estimate(cohorts: Sequence[CohortPlan], processes: int = 1) -> Estimate:
    """Return the expected cost of cohorts whose programs have been sized by `size_programs`."""
    widest = max((len(c.runs) * c.program.lane_mib + _resident_mib(c.program) for c in cohorts), default=0.0)
    return Estimate(sum(c.cost for c in cohorts) / processes, PROCESS_MIB + widest)


def size_programs(
    programs: Sequence[ProgramPlan], memory_mib: float, data: str = "auto", every: int | None = None
) -> None:
    """Set what a run-step and a lane of each program are expected to take, and how many lanes memory holds.

    Args:
        programs: which.
        memory_mib: of one process.
        data: `resident`, `streamed`, or `auto` to stream inputs that take too much of the memory.
        every: steps between records of the tasks' gradients, beside those at evaluations; None or 0 for no others.
    """
    memo, room = Memo(), max(0.0, memory_mib - PROCESS_MIB)
    for program in programs:
        cell = program.runs[0].cell
        size = run_size(cell, memo)
        program.step_s = RUN_PASS_S * size.passes + size.flops / FLOPS
        program.step_s *= 1 + size.record_passes / (size.passes * every) if every else 1
        program.lane_mib, program.one_by_one = size.memory_mib, size.apart
        program.data_mib = memo.keyed([cell.plain["suite"], cell.dtype], inputs_mib, cell)
        too_much = program.data_mib > RESIDENT_SHARE * room
        program.streamed = data == "streamed" or (data == "auto" and too_much)
        program.fits = max(1, int((room - _resident_mib(program)) / size.memory_mib))


def needed_mib(program: ProgramPlan) -> float:
    """Return what one lane of a sized program takes of a process's memory, with the inputs that lie there."""
    return program.lane_mib + _resident_mib(program)


def _resident_mib(program: ProgramPlan) -> float:
    """Return what inputs take of the device's memory, besides batches."""
    return 0.0 if program.streamed else program.data_mib


def inputs_mib(cell: CellSpec) -> float:
    """Return the size of a run's inputs on the device, in MiB: every row of its sources, whatever trains."""
    used = {source.name for source in cell.suite.info().sources}
    width = STORED[cell.dtype].itemsize
    return sum(
        sum(s.rows.values()) * math.prod(s.input_shape) * (1 if s.pixels else width) / 2**20
        for s in cell.suite.whole()
        if s.name in used
    )


def run_size(cell: CellSpec, memo: Memo | None = None) -> Size:
    """Return what a run of a cell needs, from its network's shapes alone.

    Args:
        cell: all but the seed.
        memo: knows the networks of other runs.
    """
    memo = memo or Memo()
    info: SuiteInfo = memo.keyed(cell.plain["suite"], cell.suite.info)
    of_network = [cell.plain[group] for group in ("suite", "model", "sharing", "heads")]
    network = memo.keyed(of_network, _network_size, cell, info)
    weighting: Weighting = cell.part("weighting")
    optimizer: Optimizer = cell.part("optimizer")
    batch = cell.budget.batch_size
    rows = max(s.rows["train"] if batch == "full" else batch for s in info.sources)
    if rows == 1 and network.by_batch:
        raise ConfigError([Fault("budget.batch_size", "must be at least 2 where batches are normalised", 1)])
    tasks, total, shared = len(info.tasks), network.total, network.shared
    surgery = weighting.needs != "losses" and shared > 0
    # Parameters, moments, the last step's gradients; then one gradient by task, in the step or for records, which
    # also compare gradients before and after an update.
    by_task = tasks * shared + (total - shared)
    recording = max(tasks * shared, total + 3 * shared) if shared > 0 else 0
    kept = total * (2 + optimizer.moments) + total * _copies(cell) * (1 + optimizer.moments)
    passing = rows * (network.held + network.widest)
    step = max(
        passing + max(by_task, recording),
        by_task + total if surgery and weighting.gradients_at == "parameters" else 0,
    )
    if weighting.probe != "none" and shared > 0:  # gradients on further batches, or copies of the parameters
        step = max(step, passing + max(2 * by_task, 3 * total))
    evaluated = max(max(s.rows["val"], s.rows["test"]) for s in info.sources)
    evaluation = 2 * network.widest * min(evaluated, MAX_ELEMENTS / max(network.input, 1))
    width = STORED[cell.dtype].itemsize
    passes = _passes(weighting, tasks) if shared > 0 else 3
    memory_mib = (kept + max(step, evaluation)) * width / 2**20
    recording_passes = 2 * tasks if shared > 0 else 0  # without the optimizer and the gradients of heads
    return Size(memory_mib, rows * network.flops * passes, passes, recording_passes, network.apart)


def _passes(weighting: Weighting, tasks: int) -> int:
    """Return how many times the FLOPs of a forward pass one step takes; a backward pass takes two of them."""
    step = 1 + 2 * (tasks if weighting.needs != "losses" else 1) + weighting.watches_update
    probe = {"none": 0, "cross_gramian": 2 * (1 + 2 * tasks), "validation_slopes": 2 * 3 + 2}
    return step + probe[weighting.probe]


def _copies(cell: CellSpec) -> int:
    """Return how many copies of parameters and moments the branches of a schedule need at most."""
    branches = max(len(phase.branches) for phase in cell.phases)
    return branches + 2 if branches else 0  # where they begin, and a mixture that is tried


def _network_size(cell: CellSpec, info: SuiteInfo) -> _NetworkSize:
    with torch.device("meta"):
        network = build_network(Parts.of(cell.plain), info, seed=0)
    sizes, owners = {name: p.numel() for name, p in network.named_parameters()}, network.owners()
    total, trained = sum(sizes.values()), {n for n, p in network.named_parameters() if p.requires_grad}
    shared = sum(n for name, n in sizes.items() if owners[name] is None and name in trained)
    shared = shared if len(info.tasks) > 1 else 0
    apart = None
    if is_foreign(network):  # a small batch passes it, and code of other people's may not know of meta
        network = build_network(Parts.of(cell.plain), info, seed=0).eval()
        apart = why_one_by_one(network, [s.input_shape for s in info.sources])
    # Of a model of usual size one row is really computed: the first forward pass on meta imports for 2 s.
    elif total < REAL_PARAMETERS:
        _materialise(network)
    device = next(network.parameters()).device
    inputs = [torch.zeros(1, *s.input_shape, device=device) for s in info.sources]
    held, widest, flops = _forward(network, inputs)
    by_batch = bool(norms_of(network))
    return _NetworkSize(total, shared, held, widest, flops, inputs[0].numel(), by_batch, apart)


def _materialise(network: nn.Module) -> None:
    """Give a network on meta memory of its own; `Module.to_empty` does so after 0.6 s of imports."""
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(torch.zeros(parameter.shape, dtype=parameter.dtype)))
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.device.type == "meta":
                setattr(module, name, torch.zeros(buffer.shape, dtype=buffer.dtype))


def _forward(network: nn.Module, inputs: Sequence[torch.Tensor]) -> tuple[int, int, int]:
    """Return elements that a forward pass leaves for the backward one, the most of one layer, and FLOPs."""
    sizes, flops = [x.numel() for x in inputs], 0

    def hook(module: nn.Module, args: Any, output: Any) -> None:
        nonlocal flops
        output = output[0] if isinstance(output, tuple) else output  # of a recurrent layer: all states
        if isinstance(output, torch.Tensor):
            sizes.append(output.numel())
            weight = getattr(module, "weight", None)
            if weight is not None and weight.dim() > 1:  # dense or convolution: a product for every output
                flops += 2 * output.numel() * weight[0].numel()

    leaves = [m for m in network.modules() if not list(m.children())]
    handles = [leaf.register_forward_hook(hook) for leaf in leaves]
    with torch.no_grad():
        network.eval()(list(inputs))
    for handle in handles:
        handle.remove()
    return sum(sizes), max(sizes), flops
