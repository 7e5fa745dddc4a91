"""Metrics of all lanes at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mtlrun.data.task import Task
from mtlrun.training.bank import Bank
from mtlrun.training.metrics import METRICS
from mtlrun.training.stacked import Forward

MAX_ELEMENTS = 2**22
"""Input elements evaluated at once, over all lanes: bounds memory at a size that keeps kernels busy."""


def metric_names(tasks: Sequence[Task]) -> list[tuple[str, str]]:
    """Return the (task, metric) pairs in the order of `evaluate`'s last axis."""
    return [(task.name, metric) for task in tasks for metric in task.metrics]


@torch.no_grad()
def evaluate(forward: Forward, bank: Bank, rows: Sequence[Tensor]) -> Tensor:
    """Return every metric of every lane on the given rows.

    Args:
        forward: of all lanes.
        bank: the lanes' data.
        rows: (R, n) row numbers per source; sources may differ in n.

    Returns:
        (R, M) for the M pairs of `metric_names`.
    """
    outputs: list[list[Tensor]] = [[] for _ in bank.tasks]
    targets: list[list[Tensor]] = [[] for _ in bank.tasks]
    for piece in _pieces(bank, rows):
        x, y = bank.gather(piece)
        for t, out in enumerate(forward(x)):
            outputs[t].append(out)
            targets[t].append(y[t])
    values = []
    for t, task in enumerate(bank.tasks):
        out, target = torch.cat(outputs[t], 1), torch.cat(targets[t], 1)
        values += [METRICS[task.kind, metric](out, target) for metric in task.metrics]
    return torch.stack(values, 1)


def _pieces(bank: Bank, rows: Sequence[Tensor]) -> list[list[Tensor]]:
    """Cut rows into pieces small enough to evaluate at once."""
    elements = max(table.elements for table in bank.inputs) * len(rows[0])
    size = max(1, MAX_ELEMENTS // elements)
    count = max(math.ceil(r.shape[1] / size) for r in rows)
    return [list(piece) for piece in zip(*(r.tensor_split(count, 1) for r in rows), strict=True)]
