"""Examples without a label: how losses, metrics and weightings pass over them.

A missing target is NaN, a missing class is negative. Only tasks that are `partial` have any; the others take none of
the paths here. Shape letters: R lanes, T trained tasks, B batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtlrun.data.task import Task


def present(targets: Tensor) -> Tensor:
    """Return which targets are there, in the shape of the targets."""
    return ~targets.isnan() if targets.is_floating_point() else targets >= 0


def filled(targets: Tensor) -> Tensor:
    """Return targets with 0 where one is missing."""
    return torch.where(present(targets), targets, torch.zeros_like(targets))


def labelled(tasks: Sequence[Task], targets: Sequence[Tensor]) -> Tensor | None:
    """Return whether each lane's batch has any label of each task, (R, T); None where no task lacks any.

    Args:
        tasks: the trained ones.
        targets: (R, B, ...), one per task.
    """
    if not any(task.partial for task in tasks):
        return None
    return torch.stack([present(y).flatten(1).any(1) for y in targets], 1)


def stand_ins(here: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what a weighting sees of the task gradients: S (R, T, T), so that it gets S g for gradients g (T, P).

    A task without a label in the batch has no gradient there. A zero in its place would stop methods that let no
    task fall behind, so the mean of the others' gradients stands in, which gives no method anything to mend. The
    rows of tasks with a label are those of the identity.
    """
    mean = here.to(dtype) / here.sum(1, keepdim=True).clamp(min=1)
    return torch.where(here.unsqueeze(2), torch.diag_embed(torch.ones_like(mean)), mean.unsqueeze(1))
