"""The step as one compiled program: forward, gradients and strategy traced together, then fused by torch's compiler.

Tracing takes tenths of a second; compiling takes tens of seconds and runs the step up to three times as fast
(docs/performance.md), so it is for long studies: `launch.compile` decides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_leaves

from mtlrun.training.gradients import Tensors
from mtlrun.training.step import Batch, Lanes, Program
from mtlrun.weighting.base import State

Computed = tuple[Tensors, Tensor, Tensor]
"""Gradients by parameter name, losses (R, T), task weights (R, T)."""

Compute = Callable[[Lanes, Batch], Computed]

COMPILE_ERRORS = (RuntimeError, TypeError, AssertionError, LookupError, AttributeError, ImportError, OSError)
"""What tracing or compiling raises: a branch on values in a user's strategy, no C++ compiler, a compiler's fault."""

TOLERANCE = 1e-4  # of float32 sums in another order, relative to a tensor's largest element


class NotCompiled(Exception):
    """Why a program stays as it is."""


def compiled(program: Program, lanes: Lanes, batch: Batch, backend: str = "inductor") -> Compute:
    """Return a function that does what `program.gradients` does, compiled for these shapes.

    Args:
        program: of a phase.
        lanes: whose shapes count; nothing of them changes.
        batch: likewise; compiled and plain results are compared on it.
        backend: of `torch.compile`; `eager` traces and compiles nothing.

    Raises:
        NotCompiled: the program cannot be traced or compiled, or its results would differ.
    """

    def pure(parameters: Tensors, learned: Tensors, state: State, batch: Batch) -> tuple[Computed, State]:
        moving = dataclasses.replace(lanes, parameters=parameters, learned=learned, state=state)
        with program.forward.bound_to(parameters):
            found = program.gradients(moving, batch)
        return found, moving.state

    on_gpu = batch.new_epoch.is_cuda
    mode = "reduce-overhead" if on_gpu and backend == "inductor" else None
    given = (lanes.parameters, lanes.learned, lanes.state, batch)
    try:
        traced = make_fx(pure)(*given)
        fused = torch.compile(traced, backend=backend, mode=mode, dynamic=False)
        with torch.no_grad():
            found, state = fused(*given)
        expected, expected_state = pure(*given)
    except COMPILE_ERRORS as error:
        raise NotCompiled(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}") from error
    _compare(
        [*found[0].values(), *found[1:], *state.values()],
        [*expected[0].values(), *expected[1:], *expected_state.values()],
    )

    def compute(lanes: Lanes, batch: Batch) -> Computed:
        with torch.no_grad():
            if on_gpu:  # results live in the graph's own memory, which the next step writes again
                torch.compiler.cudagraph_mark_step_begin()
            (gradients, losses, weights), state = fused(lanes.parameters, lanes.learned, lanes.state, batch)
            if on_gpu:
                losses, weights = losses.clone(), weights.clone()
                state = {name: value.clone() for name, value in state.items()}
        lanes.state = state
        return gradients, losses, weights

    return compute


def _compare(found: object, expected: object) -> None:
    for ours, theirs in zip(tree_leaves(found), tree_leaves(expected), strict=True):
        scale = theirs.abs().amax() if theirs.numel() else 0.0
        if theirs.isfinite().all() and not ((ours - theirs).abs() <= TOLERANCE * scale + 1e-30).all():
            raise NotCompiled("the compiled step gives other results than the plain one")
