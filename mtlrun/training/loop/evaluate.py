"""Metrics of all lanes at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mtlrun.data.task import Task
from mtlrun.training.batches.bank import Bank
from mtlrun.training.objective.cases import Cases
from mtlrun.training.objective.example_scores import example_scores
from mtlrun.training.objective.losses import Loss
from mtlrun.training.objective.metrics import METRICS
from mtlrun.training.objective.missing_labels import filled, present
from mtlrun.training.vectorize.stacked import Forward

MAX_ELEMENTS = 2**22
"""Input elements evaluated at once, over all lanes: bounds memory at a size that keeps kernels busy."""


def metric_names(tasks: Sequence[Task]) -> list[tuple[str, str]]:
    """Return the (task, metric) pairs in the order of `evaluate`'s last axis."""
    return [(task.name, metric) for task in tasks for metric in task.metrics]


class Evaluation(NamedTuple):
    """What an evaluation of all lanes gave.

    Attributes:
        values: (R, M) for the M pairs of `metric_names`.
        scores: by task, (R, cases): those of its test cases under its primary metric; None where there are none.
    """

    values: Tensor
    scores: list[Tensor | None]


@torch.no_grad()
def evaluate(
    forward: Forward, bank: Bank, rows: Sequence[Tensor], cases: Sequence[Cases] | None = None
) -> Evaluation:
    """Return every metric of every lane on the given rows.

    Args:
        forward: of all lanes.
        bank: the lanes' data.
        rows: (R, n) row numbers per source; sources may differ in n.
        cases: by source, to which case each row belongs; None for no scores.
    """
    values, scores = [], []
    found = zip(bank.tasks, bank.units, _outputs(forward, bank, rows), strict=True)
    for task, unit, (out, target) in found:
        if (
            unit is not None
        ):  # differences are all that a metric of regression sees, so the mean does not matter
            out, target = out * unit, target * unit
        seen = (out, filled(target), present(target)) if task.partial else (out, target)
        values += [METRICS[task.kind, metric](*seen) for metric in task.metrics]
        score = None if cases is None else example_scores(task.kind, task.metrics[0])
        scores.append(cases[task.source].gather(score(*seen)) if cases and score else None)
    return Evaluation(torch.stack(values, 1), scores)


@torch.no_grad()
def losses_on(forward: Forward, bank: Bank, rows: Sequence[Tensor], losses: Sequence[Loss]) -> Tensor:
    """Return the loss of every task in every lane on the given rows, (R, T); other arguments as of `evaluate`."""
    pairs = zip(losses, _outputs(forward, bank, rows), strict=True)
    return torch.stack([loss(out, target) for loss, (out, target) in pairs], 1)


def _outputs(forward: Forward, bank: Bank, rows: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Return each task's outputs and targets on all rows.

    They are written into tensors of full size: small ones that stay would break up the memory that pieces leave.
    """
    whole: list[list[Tensor]] = []
    done = [0] * len(bank.tasks)
    for x, y in bank.gather_each((piece, None) for piece in _pieces(bank, rows)):
        parts = list(zip(forward(x), y, strict=True))
        if not whole:
            sizes = [rows[task.source].shape[1] for task in bank.tasks]
            whole = [
                [p.new_empty(len(p), n, *p.shape[2:]) for p in pair]
                for pair, n in zip(parts, sizes, strict=True)
            ]
        for t, pair in enumerate(parts):
            end = done[t] + pair[0].shape[1]
            for all_rows, part in zip(whole[t], pair, strict=True):
                all_rows[:, done[t] : end] = part
            done[t] = end
    return [(out, target) for out, target in whole]


def _pieces(bank: Bank, rows: Sequence[Tensor]) -> list[list[Tensor]]:
    """Cut rows into pieces small enough to evaluate at once."""
    elements = max(table.elements for table in bank.inputs) * len(rows[0])
    size = max(1, MAX_ELEMENTS // elements)
    count = max(math.ceil(r.shape[1] / size) for r in rows)
    return [list(piece) for piece in zip(*(r.tensor_split(count, 1) for r in rows), strict=True)]
