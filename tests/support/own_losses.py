"""Losses as users bring them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def focal(outputs: Tensor, targets: Tensor, gamma: float = 2.0) -> Tensor:
    """Return a scalar: the focal loss of class scores (B, C)."""
    loss = F.cross_entropy(outputs, targets, reduction="none")
    return ((1 - torch.exp(-loss)) ** gamma * loss).mean()


def each_absolute(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return a value for each example and output, (B, K)."""
    return (outputs - targets).abs()


def branching(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return a scalar; branches on a value, which vmap cannot take."""
    loss = F.cross_entropy(outputs, targets)
    return loss * 2 if loss.item() > 1 else loss


class Scaled(nn.Module):
    """Cross-entropy times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.factor * F.cross_entropy(outputs, targets)


def constant(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return what no output changes."""
    return torch.ones(())


def noisy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return a loss of noisy outputs."""
    return (outputs + torch.randn(outputs.shape)).square().mean()


def wrong_shape(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return neither a scalar nor a value for each example."""
    return outputs.sum(0)


def no_tensor(outputs: Tensor, targets: Tensor) -> float:
    """Return a number that is no tensor."""
    return 1.0


def failing(outputs: Tensor, targets: Tensor) -> Tensor:
    """Raise."""
    raise ValueError("these targets are not for me")
