"""How far the tasks' gradients agree: the usual first suspect of negative transfer."""

from __future__ import annotations

import torch
from torch import Tensor

from mtlrun.training.step import Batch, Lanes, Program


def gradient_cosines(program: Program, lanes: Lanes, batch: Batch) -> Tensor:
    """Return the mean cosine between the tasks' gradients of the shared parameters, per lane, (R,).

    Below 0 tasks pull shared parameters apart (Yu et al., Gradient Surgery, NeurIPS 2020, definition 1). NaN
    where fewer than two tasks are trained or nothing is shared.
    """
    tasks = len(program.active)
    if tasks < 2 or not program.shared:
        return torch.full((len(batch.targets[0]),), torch.nan)
    gramian = program.gramian(program.task_gradients(lanes, program.losses(lanes, batch)))
    norms = gramian.diagonal(dim1=1, dim2=2).sqrt()
    cosines = gramian / (norms.unsqueeze(1) * norms.unsqueeze(2)).clamp(min=torch.finfo(gramian.dtype).tiny)
    upper = torch.triu_indices(tasks, tasks, 1, device=gramian.device)
    return cosines[:, upper[0], upper[1]].mean(1)
