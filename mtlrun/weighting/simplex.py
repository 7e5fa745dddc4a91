"""The simplex of task weights: at least 0 each, together 1."""

from __future__ import annotations

import torch
from torch import Tensor


def nearest_on_simplex(point: Tensor) -> Tensor:
    """Return the point of the simplex nearest to a point (T,).

    It is max(point - theta, 0) with theta = max_k ((sum of the k largest) - 1) / k.

    Source: Duchi et al., Efficient Projections onto the l1-Ball for Learning in High Dimensions, ICML 2008.
    """
    point = point - point.amax()  # changes no nearest point, and keeps a huge largest entry exact
    largest = point.sort(descending=True).values.cumsum(0)
    counts = torch.arange(1, len(point) + 1, dtype=point.dtype, device=point.device)
    found = (point - ((largest - 1) / counts).amax()).clamp(min=0)
    return found / found.sum()
