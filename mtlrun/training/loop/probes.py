"""What a step may find out on further examples before it takes its own: gradients that were drawn apart.

Shape letters: R lanes, T trained tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from mtlrun.training.batches.lanes import Batch, Examples, Lanes, Seen
from mtlrun.training.objective.gradients import Tensors, by_lane, products
from mtlrun.training.vectorize.stacked import Forward
from mtlrun.weighting.slopes import slopes_along_held_out


class Gradients(Protocol):
    """What probes ask of the program of a step (`mtlrun.training.loop.step.Program`)."""

    forward: Forward

    def see(self, lanes: Lanes, examples: Examples) -> Seen:
        """Return a forward pass."""

    def task_gradients(self, seen: Seen) -> list[Tensors]:
        """Return each task's gradient of what tasks share."""

    def standing_weights(self, lanes: Lanes) -> Tensor:
        """Return the weights before this step, (R, T)."""


def cross_gramian(program: Gradients, lanes: Lanes, batch: Batch) -> Tensor:
    """Return the inner products of the tasks' shared gradients on two further batches, (R, T, T).

    The product of independent draws has the product of the true gradients as its mean; a Gramian has not.
    """
    first, second = (program.task_gradients(program.see(lanes, examples)) for examples in batch.extra)
    return products(first, second, [n for n in first[0] if all(n in g for g in first)])


def validation_slopes(program: Gradients, lanes: Lanes, batch: Batch) -> Tensor:
    """Return how much each task's loss on the batch rises along the gradient of held-out loss, (R, T).

    The look-ahead step is theta' = theta - lr grad sum_t w_t L_t(batch) for the weights before this step; v is the
    gradient of sum_t p_t L_t(held out) at theta' (see `slopes_along_held_out`).
    """
    ahead = _gradient(program, lanes, batch.examples, program.standing_weights(lanes))
    return slopes_along_held_out(
        lanes.parameters,
        ahead,
        lambda: _gradient(program, lanes, batch.extra[0], lanes.goal),
        lambda: by_lane(program.see(lanes, batch.examples).losses),
        lanes.lr,
    )


def _gradient(program: Gradients, lanes: Lanes, examples: Examples, weights: Tensor) -> dict[str, Tensor]:
    losses, leaves = by_lane(program.see(lanes, examples).losses), program.forward.leaves
    found = torch.autograd.grad((losses * weights).sum(), list(leaves.values()), materialize_grads=True)
    return program.forward.join(dict(zip(leaves, found, strict=True)))


PROBES: dict[str, Callable[[Gradients, Lanes, Batch], Tensor]] = {
    "cross_gramian": cross_gramian,
    "validation_slopes": validation_slopes,
}
EXTRA_BATCHES = {"none": 0, "cross_gramian": 2, "validation_slopes": 1}
