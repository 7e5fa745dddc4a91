"""How far the tasks' gradients agree: the usual first suspect of negative transfer.

Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020, definitions 1 and 2. Pairs of T tasks stand in the
order (0, 1), (0, 2), ..., (1, 2), ...
"""

from __future__ import annotations

import torch
from torch import Tensor


def gradient_cosines(gramian: Tensor) -> Tensor:
    """Return the cosine between the gradients of each pair of tasks, (..., pairs), from inner products (..., T, T).

    Below 0 tasks pull shared parameters apart: they are in conflict. NaN where a gradient is 0.
    """
    first, second = _pairs(gramian)
    norms = gradient_norms(gramian)
    return gramian[..., first, second] / (norms[..., first] * norms[..., second])


def magnitude_similarities(gramian: Tensor) -> Tensor:
    """Return 2 |g1| |g2| / (|g1|^2 + |g2|^2) of each pair of tasks, (..., pairs), from inner products (..., T, T).

    It is 1 for gradients of one length, and falls to 0 as one of them outweighs the other. NaN where both are 0.
    """
    first, second = _pairs(gramian)
    norms = gradient_norms(gramian)
    one, other = norms[..., first], norms[..., second]
    return 2 * one * other / (one.square() + other.square())


def gradient_norms(gramian: Tensor) -> Tensor:
    """Return the length of each task's gradient, (..., T), from inner products (..., T, T)."""
    return gramian.diagonal(dim1=-2, dim2=-1).sqrt()


def mean_curvature(update: Tensor, change: Tensor) -> Tensor:
    """Return d'(g(theta + d) - g(theta)) / d'd of an update d, for gradients g of an objective L; NaN for no update.

    The difference of the gradients is Hd, with H the mean of the Hessian of L on the way from theta to theta + d, so
    this is d'Hd / d'd. For a plain gradient step, d = -lr g(theta), it is the multi-task curvature of Yu et al.,
    H(L; theta, theta') = int_0^1 g(theta)' Hess L(theta + a (theta' - theta)) g(theta) da, divided by |g(theta)|^2.

    Args:
        update: d'd, (...).
        change: d'(g(theta + d) - g(theta)), (...).
    """
    return change / update


def _pairs(gramian: Tensor) -> tuple[Tensor, Tensor]:
    tasks = gramian.shape[-1]
    first, second = torch.triu_indices(tasks, tasks, 1, device=gramian.device)
    return first, second
