"""The loss of each kind of task: outputs (..., B, outputs) and targets to the mean over the B examples, (...).

Leading axes are lanes, or none. Of a partial task the mean is over the targets that are there, 0 where none is.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mtlrun.data.task import Task
from mtlrun.training.objective.missing_labels import filled, present

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of class scores (..., B, C) and class numbers (..., B)."""
    if targets.dim() == 1:  # of one run: the kernel that takes the mean itself
        return F.cross_entropy(outputs, targets)
    return cross_entropies(outputs, targets).mean(-1)


def cross_entropies(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy of each example, (..., B)."""
    return F.cross_entropy(outputs.movedim(-1, 1), targets, reduction="none")


def binary_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over examples and labels of scores (..., B, L) and labels (..., B, L) in {0, 1}."""
    return binary_cross_entropies(outputs, targets).mean((-2, -1))


def binary_cross_entropies(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the binary cross-entropy of each label, (..., B, L)."""
    signs = torch.rsub(targets, 1, alpha=2)  # 1 - 2 t
    return F.softplus(outputs * signs)  # the score against the label: no difference of large numbers


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over examples and outputs of the squared error, both (..., B, K)."""
    return squared_errors(outputs, targets).mean((-2, -1))


def squared_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error of each output, (..., B, K)."""
    return (outputs - targets).square()


LOSSES: dict[str, Loss] = {
    "multiclass": cross_entropy,
    "binary": binary_cross_entropy,
    "multilabel": binary_cross_entropy,
    "regression": squared_error,
}

_EACH: dict[str, Loss] = {
    "multiclass": cross_entropies,
    "binary": binary_cross_entropies,
    "multilabel": binary_cross_entropies,
    "regression": squared_errors,
}


def loss_of(task: Task) -> Loss:
    """Return the loss of a task."""
    return _over_labels(_EACH[task.kind]) if task.partial else LOSSES[task.kind]


def mean_over(values: Tensor, there: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return the mean of the values that are there; 0 where none is."""
    kept = torch.where(there, values, torch.zeros_like(values))
    return kept.sum(axes) / there.sum(axes).clamp(min=1)


def _over_labels(each: Loss) -> Loss:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        axes = (-1,) if targets.dim() < outputs.dim() else (-2, -1)
        return mean_over(each(outputs, filled(targets)), present(targets), axes)

    return loss
