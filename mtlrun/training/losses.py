"""The loss of each kind of task: outputs (..., B, outputs) and targets to the mean over the B examples, (...).

Leading axes are lanes, or none.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of class scores (..., B, C) and class numbers (..., B)."""
    if len(targets) == 1 and targets.dim() == 2:  # one lane: the kernel that takes the mean itself
        return F.cross_entropy(outputs.flatten(0, -2), targets.flatten()).unsqueeze(0)
    return F.cross_entropy(outputs.movedim(-1, 1), targets, reduction="none").mean(-1)


def binary_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over examples and labels of scores (..., B, L) and labels (..., B, L) in {0, 1}."""
    wrong = outputs * (1 - 2 * targets)  # the score against the label: no difference of large numbers below
    return F.softplus(wrong).mean((-2, -1))


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over examples and outputs of the squared error, both (..., B, K)."""
    return (outputs - targets).square().mean((-2, -1))


LOSSES: dict[str, Loss] = {
    "multiclass": cross_entropy,
    "binary": binary_cross_entropy,
    "multilabel": binary_cross_entropy,
    "regression": squared_error,
}
