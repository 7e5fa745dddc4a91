"""What `Balancer` finds out on further batches for weightings with a `probe`. For one run; T tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mtlrun.weighting.base import State
from mtlrun.weighting.slopes import slopes_along_held_out
from mtlrun.weighting.task_gradients import (
    Losses,
    TaskGradients,
    leaves_of,
    products,
    scalars,
    values_of,
    weighted_sum,
)


def cross_gramian(
    functions: Sequence[Callable[[], Losses]], shared: Sequence[Tensor], tasks: int, like: Tensor
) -> Tensor:
    """Return the inner products of the tasks' shared gradients on two further batches, (T, T).

    Args:
        functions: two, which compute the losses of a further batch each.
        shared: parameters.
        tasks: T.
        like: gives dtype and device.
    """
    first, second = (TaskGradients(scalars(f(), tasks), shared, [], like).jacobian for f in functions)
    return products(first, second)


def validation_slopes(
    losses: Sequence[Tensor],
    functions: Sequence[Callable[[], Losses]],
    weights: Tensor,
    goal: Tensor,
    lr: float,
) -> Tensor:
    """Return how much each task's loss rises along the gradient of held-out loss, (T,).

    Args:
        losses: T scalars of this batch, whose graph is kept.
        functions: two, which compute the losses of this batch again, and those of a further one, at the parameters
            as they stand.
        weights: of the tasks before this step, (T,).
        goal: for each task whether its held-out loss counts, (T,).
        lr: of the look-ahead step.
    """
    (again, held_out), leaves, tasks = functions, leaves_of(losses), len(losses)

    def gradient(losses: Sequence[Tensor], weights: Tensor, keep_graph: bool = False) -> State:
        total = weighted_sum(losses, weights)
        found = torch.autograd.grad(total, leaves, retain_graph=keep_graph, materialize_grads=True)
        return {str(k): g.unsqueeze(0) for k, g in enumerate(found)}

    slopes = slopes_along_held_out(
        # By `data`, which autograd does not watch: the graph of the losses stays valid, as values are put back.
        {str(k): leaf.data.unsqueeze(0) for k, leaf in enumerate(leaves)},
        gradient(losses, weights, keep_graph=True),
        lambda: gradient(scalars(held_out(), tasks), goal),
        lambda: values_of(scalars(again(), tasks, graph=False), goal).unsqueeze(0),
        goal.new_tensor([lr]),
    )
    return slopes.squeeze(0)
