"""Task gradients as lengths and directions: what most methods look at, and what no scale makes overflow."""

from __future__ import annotations

import torch
from torch import Tensor


def cosines(gramian: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosines between the gradients, (T, T), and their lengths, (T,), of one Gramian (T, T).

    A gradient of length 0 has cosine 0 with every gradient, itself included.
    """
    lengths = gramian.diagonal().clamp(min=0).sqrt()
    divisors = torch.where(lengths > 0, lengths, 1.0)
    return (gramian / divisors.unsqueeze(0) / divisors.unsqueeze(1)).clamp(-1, 1), lengths
