"""How far the tasks' gradients agree: the usual first suspect of negative transfer."""

from __future__ import annotations

import torch
from torch import Tensor


def gradient_cosines(gramian: Tensor) -> Tensor:
    """Return the cosine between the gradients of each pair of tasks, (R, pairs), from inner products (R, T, T).

    Pairs stand in the order (0, 1), (0, 2), ..., (1, 2), ...
    Below 0 tasks pull shared parameters apart (Yu et al., Gradient Surgery, NeurIPS 2020, definition 1).
    """
    norms = gramian.diagonal(dim1=1, dim2=2).sqrt()
    cosines = gramian / (norms.unsqueeze(1) * norms.unsqueeze(2)).clamp(min=torch.finfo(gramian.dtype).tiny)
    tasks = gramian.shape[1]
    upper = torch.triu_indices(tasks, tasks, 1, device=gramian.device)
    return cosines[:, upper[0], upper[1]]
