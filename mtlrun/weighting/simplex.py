"""The nearest point of the simplex."""

from __future__ import annotations

import torch
from torch import Tensor


def project_on_simplex(point: Tensor) -> Tensor:
    """Return the nearest weights (T,), none negative and of sum 1, to a point (T,).

    They are max(point - theta, 0) with theta = max_k ((sum of the k largest) - 1) / k (Held, Wolfe and Crowder,
    Validation of subgradient optimization, Mathematical Programming 6, 1974).
    """
    point = point - point.amax()  # changes no nearest weights, and keeps the largest exact
    largest = point.sort(descending=True)[0].cumsum(0)
    counts = torch.arange(1, len(point) + 1, dtype=point.dtype, device=point.device)
    return (point - ((largest - 1) / counts).amax()).clamp(min=0)
