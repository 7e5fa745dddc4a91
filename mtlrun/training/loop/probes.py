"""What a step may find out on further examples before it takes its own: gradients that were drawn apart.

Shape letters: R lanes, T trained tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from mtlrun.training.loop.lanes import Batch, Examples, Lanes, Seen
from mtlrun.training.objective.gradients import Tensors, by_lane, products
from mtlrun.training.vectorize.stacked import Forward


class Gradients(Protocol):
    """What probes ask of the program of a step (`mtlrun.training.loop.step.Program`)."""

    forward: Forward

    def see(self, lanes: Lanes, examples: Examples) -> Seen:
        """Return a forward pass."""

    def task_gradients(self, seen: Seen) -> list[Tensors]:
        """Return each task's gradient of what tasks share."""

    def standing_weights(self, lanes: Lanes) -> Tensor:
        """Return the weights before this step, (R, T)."""


STEP_LENGTH = 0.01  # of a finite difference in parameter space, as in DARTS (Liu et al., ICLR 2019)


def cross_gramian(program: Gradients, lanes: Lanes, batch: Batch) -> Tensor:
    """Return the inner products of the tasks' shared gradients on two further batches, (R, T, T).

    The product of independent draws has the product of the true gradients as its mean; a Gramian has not.
    """
    first, second = (program.task_gradients(program.see(lanes, examples)) for examples in batch.extra)
    return products(first, second, [n for n in first[0] if all(n in g for g in first)])


def validation_slopes(program: Gradients, lanes: Lanes, batch: Batch) -> Tensor:
    """Return how much each task's loss on the batch rises along the gradient of held-out loss, (R, T).

    With theta' = theta - lr grad sum_t w_t L_t(batch) for the weights before this step, and v the gradient of
    sum_t p_t L_t(held out) at theta', it is (L_t(theta + e v) - L_t(theta - e v)) / 2e, e = 0.01 / |v|: the
    product of v with task t's gradient, by finite differences (Liu et al., Auto-Lambda, TMLR 2022, eq. 6).
    """
    weights = program.standing_weights(lanes)
    ahead = _gradient(program, lanes, batch.examples, weights)
    with _moved(lanes.parameters, ahead, -lanes.lr):
        held_out = _gradient(program, lanes, batch.extra[0], lanes.goal)
    length = torch.stack([g.flatten(1).square().sum(1) for g in held_out.values()]).sum(0).sqrt()
    step = STEP_LENGTH / length.clamp(min=torch.finfo(length.dtype).tiny ** 0.5)
    losses = []
    for sign in (1, -1):
        with torch.no_grad(), _moved(lanes.parameters, held_out, sign * step):
            losses.append(by_lane(program.see(lanes, batch.examples).losses))
    return (losses[0] - losses[1]) / (2 * step.unsqueeze(1))


def _gradient(program: Gradients, lanes: Lanes, examples: Examples, weights: Tensor) -> dict[str, Tensor]:
    losses, leaves = by_lane(program.see(lanes, examples).losses), program.forward.leaves
    found = torch.autograd.grad((losses * weights).sum(), list(leaves.values()), materialize_grads=True)
    return program.forward.join(dict(zip(leaves, found, strict=True)))


@contextmanager
def _moved(parameters: Mapping[str, Tensor], direction: Mapping[str, Tensor], by: Tensor) -> Iterator[None]:
    """Move every lane's parameters along a direction, `by` (R,) lengths, and put them back exactly."""
    kept = {n: p.detach().clone() for n, p in parameters.items()}
    with torch.no_grad():
        for name, values in parameters.items():
            values.add_(direction[name] * by.view(-1, *[1] * (values.dim() - 1)))
    try:
        yield
    finally:
        with torch.no_grad():
            for name, values in parameters.items():
                values.copy_(kept[name])


PROBES: dict[str, Callable[[Gradients, Lanes, Batch], Tensor]] = {
    "cross_gramian": cross_gramian,
    "validation_slopes": validation_slopes,
}
EXTRA_BATCHES = {"none": 0, "cross_gramian": 2, "validation_slopes": 1}
