"""What a network that has learned nothing would get: one guess for all examples, the best by the training targets."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtlrun.data.task import Task
from mtlrun.training.batches.bank import Bank
from mtlrun.training.objective.metrics import METRICS
from mtlrun.training.objective.missing_labels import filled, present


@torch.no_grad()
def constant_guess(bank: Bank) -> Tensor:
    """Return each task's primary metric on test for a constant guess, (R, T).

    The guess is the classes' shares of the training rows, the labels' rates, or the targets' means.
    """
    train, test = (targets_of(bank, part) for part in ("train", "test"))
    found = []
    for t, task in enumerate(bank.tasks):
        output, target = _guess(task, train[t]), test[t]
        out = output.unsqueeze(1).expand(*target.shape[:2], -1)
        unit = bank.units[t]
        if unit is not None:
            out, target = out * unit, target * unit
        seen = (out, filled(target), present(target)) if task.partial else (out, target)
        found.append(METRICS[task.kind, task.metrics[0]](*seen))
    return torch.stack(found, 1)


def targets_of(bank: Bank, part: str) -> Sequence[Tensor]:
    """Return the targets of a part, (R, N, ...) by task."""
    rows = bank.split(part)
    return [bank.targets(t, rows[task.source]) for t, task in enumerate(bank.tasks)]


def _guess(task: Task, targets: Tensor) -> Tensor:
    """Return outputs (R, outputs) that give the mean of targets (R, N, ...)."""
    there = present(targets)
    count = there.sum(1).clamp(min=1)
    if task.kind == "multiclass":
        classes = torch.nn.functional.one_hot(filled(targets), task.outputs) * there.unsqueeze(-1)
        return ((classes.sum(1) + 1e-6) / count.unsqueeze(-1)).log().float()
    mean = filled(targets).sum(1) / count
    return mean if task.kind == "regression" else torch.logit(mean, eps=1e-6)
