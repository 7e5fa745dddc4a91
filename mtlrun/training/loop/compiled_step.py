"""The step as one compiled program: forward, gradients and strategy traced together, then fused by torch's compiler.

Tracing takes a second; compiling takes half a minute, the first time on a machine, and the step then runs up to
three times as fast (docs/performance.md). So it is for long studies: `launch.compile` decides.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from mtlrun.training.batches.lanes import Batch, Lanes
from mtlrun.training.loop.step import Program
from mtlrun.training.objective.gradients import Tensors
from mtlrun.weighting.base import State

Computed = tuple[Tensors, Tensor, Tensor]
"""Gradients by parameter name, losses (R, T), task weights (R, T)."""

Compute = Callable[[Lanes, Batch], Computed]

COMPILE_ERRORS = (RuntimeError, TypeError, AssertionError, LookupError, AttributeError, ImportError, OSError)
"""What tracing or compiling raises: a branch on values in a user's strategy, no C++ compiler, a compiler's fault."""

TOLERANCE = 1e-4  # of float32 sums in another order, relative to a tensor's largest element


class NotCompiled(Exception):
    """Why a step stays as it is."""


def compiled(program: Program, lanes: Lanes, batch: Batch, backend: str = "inductor") -> Compute:
    """Return a function that does what `program.gradients` does, compiled for these shapes.

    Args:
        program: of a phase.
        lanes: whose shapes count; nothing of them changes.
        batch: likewise; compiled and plain results are compared on it.
        backend: of `torch.compile`; `eager` traces and compiles nothing.

    Raises:
        NotCompiled: the step cannot be traced or compiled, or its results would differ.
    """

    from torch.fx.experimental.proxy_tensor import make_fx  # imports for seconds, so only where it is used

    def pure(tensors: dict[str, Any], batch: Batch) -> tuple[Computed, list[State], list[Tensor], Tensors]:
        moving = Lanes(**tensors)
        with program.forward.bound_to(moving.parameters):
            found = program.gradients(moving, batch)
        return found, [own.state for own in moving.own], [moving.last] * program.partial, moving.statistics

    on_gpu = batch.new_epoch.is_cuda
    mode = "reduce-overhead" if on_gpu and backend == "inductor" else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, of its own parts
            fused = torch.compile(
                make_fx(pure)(_tensors(lanes), batch), backend=backend, mode=mode, dynamic=False
            )
            with torch.no_grad():
                found = fused(_tensors(lanes), batch)
        expected = pure(_tensors(lanes), batch)
    except COMPILE_ERRORS as error:
        raise NotCompiled(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}") from error
    if not _agree(tree_leaves(found), tree_leaves(expected)):
        raise NotCompiled("the compiled step gives other results than the plain one")

    def compute(lanes: Lanes, batch: Batch) -> Computed:
        with torch.no_grad():
            if on_gpu:  # results live in the graph's own memory, which the next step writes again
                torch.compiler.cudagraph_mark_step_begin()
            (gradients, losses, weights), states, last, statistics = fused(_tensors(lanes), batch)
            if on_gpu:
                losses, weights = losses.clone(), weights.clone()
                states, last, statistics = tree_map(torch.clone, (states, last, statistics))
        lanes.last = last[0] if last else lanes.last
        lanes.statistics.update(statistics)
        lanes.own = [own._replace(state=state) for own, state in zip(lanes.own, states, strict=True)]
        return gradients, losses, weights

    return compute


def _tensors(lanes: Lanes) -> dict[str, Any]:
    """Return what lanes are made of, so that a step that gets it leaves the lanes as they are."""
    found = {field.name: getattr(lanes, field.name) for field in dataclasses.fields(lanes)}
    return found | {"own": [*lanes.own], "statistics": dict(lanes.statistics)}


def _agree(found: list[Tensor], expected: list[Tensor]) -> bool:
    """Whether results are the same but for round-off; what is not finite tells nothing."""
    pairs = [(a, b) for a, b in zip(found, expected, strict=True) if b.numel() and b.isfinite().all()]
    return all(bool(((a - b).abs() <= TOLERANCE * b.abs().max() + 1e-30).all()) for a, b in pairs)
