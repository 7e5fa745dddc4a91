"""Gradients of each task's loss by PyTorch's autograd, on modules of anybody's. For one run; T tasks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtlrun.errors import ConfigError, Fault

Losses = Sequence[Tensor] | Tensor
"""T scalar losses, or a tensor (T,) of them."""


def scalars(losses: Losses, tasks: int, graph: bool = True) -> list[Tensor]:
    """Return losses one by one.

    Raises:
        ConfigError: they are not T scalars, or one of them has no graph where it must.
    """
    found = list(losses)
    shapes = [list(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__ for loss in found]
    if shapes != [[]] * tasks:
        rule = f"must be a list of {tasks} scalar tensors, or one tensor of shape [{tasks}]"
        raise ConfigError([Fault("losses", f"{rule}, not of the shapes {shapes}")])
    without = [task for task, loss in enumerate(found) if not loss.requires_grad]
    if graph and without:
        rule = "must all depend on parameters that are trained; those of these tasks do not"
        raise ConfigError([Fault("losses", rule, without)])
    return found


def values_of(losses: Sequence[Tensor], like: Tensor) -> Tensor:
    """Return losses without their graph, (T,), with the dtype and device of another tensor."""
    return torch.stack([loss.detach().to(like) for loss in losses])


def weighted_sum(losses: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Return sum_t w_t L_t for weights (T,), wherever the losses lie."""
    parts = [weight.to(loss.device) * loss for weight, loss in zip(weights, losses, strict=True)]
    return sum((part.to(parts[0].device) for part in parts[1:]), parts[0])


def leaves_of(losses: Sequence[Tensor], below: Sequence[Tensor] = ()) -> list[Tensor]:
    """Return the leaf tensors that losses depend on, each once.

    Args:
        losses: with a graph.
        below: tensors whose own graph is not searched.
    """
    seen = {tensor.grad_fn for tensor in below}
    waiting, found = [loss.grad_fn for loss in losses], dict[int, Tensor]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)  # of a node that accumulates a leaf's gradient
        if leaf is None:
            waiting += [source for source, _ in node.next_functions]
        else:
            found[id(leaf)] = leaf
    return list(found.values())


class TaskGradients:
    """The gradients of T losses at some tensors, and those of leaves that belong to one task.

    Args:
        losses: T scalars.
        at: where the gradients are taken: parameters, or the representation.
        others: further leaves that losses depend on.
        like: gives dtype and device of the Jacobian.

    Attributes:
        jacobian: the gradients at `at`, flat and side by side, (T, P); 0 where a loss does not depend on a tensor.
        own: the other leaves, each with the gradient of the sum of the losses.

    Raises:
        ConfigError: no loss depends on any tensor of `at`.
    """

    def __init__(
        self, losses: Sequence[Tensor], at: Sequence[Tensor], others: Sequence[Tensor], like: Tensor
    ) -> None:
        sizes = [tensor.numel() for tensor in at]
        self.jacobian = like.new_zeros(len(losses), sum(sizes))
        free = [k for k, tensor in enumerate(at) if tensor.requires_grad]
        wanted, reached = [*(at[k] for k in free), *others], False
        gradients: list[list[Tensor]] = [[] for _ in others]  # by leaf, of the tasks that depend on it
        for task, loss in enumerate(losses):
            found = torch.autograd.grad(loss, wanted, retain_graph=task + 1 < len(losses), allow_unused=True)
            parts = self.jacobian[task].split(sizes)
            for k, gradient in zip(free, found, strict=False):
                if gradient is not None:
                    parts[k].copy_(gradient.flatten())
                    reached = True
            for own, gradient in zip(gradients, found[len(free) :], strict=True):
                own += [] if gradient is None else [gradient]
        if not reached:
            rule = "must depend on the shared parameters, and on the representation where one is given"
            raise ConfigError([Fault("losses", rule)])
        self.own = [(leaf, sum(own[1:], own[0])) for leaf, own in zip(others, gradients, strict=True) if own]
        self._met = [list(leaf.shape) for leaf, own in zip(others, gradients, strict=True) if len(own) > 1]

    def check_owners(self) -> None:
        """Check that each of the other leaves belongs to one task.

        Raises:
            ConfigError: several losses depend on one of them.
        """
        if self._met:
            rule = "must be all parameters that several tasks use; it lacks some with these shapes"
            raise ConfigError([Fault("shared", rule, self._met)])


def products(left: Tensor, right: Tensor) -> Tensor:
    """Return the inner products (T, T) of the rows of two Jacobians (T, P).

    Not as a matrix product, which a setting of torch may compute with fewer digits (TF32).
    """
    return torch.stack([(left * row).sum(1) for row in right], 1)


def add_gradient(parameter: Tensor, gradient: Tensor) -> None:
    """Add a gradient of any dtype and layout to `parameter.grad`, as `Tensor.backward` does."""
    own = torch.empty_like(parameter).copy_(gradient.view(parameter.shape))
    if parameter.grad is None:
        parameter.grad = own
    else:
        parameter.grad.add_(own)
