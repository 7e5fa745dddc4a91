"""Metrics: outputs (..., N, outputs) and targets to one number per leading axis (lanes, or none).

A third argument says which targets are there, in their shape; without it all are. Missing ones hold any number. The
names' directions are in data/task.py. Shape letters: N examples, C classes, L labels, K outputs or columns.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mtlrun.training.objective.losses import (
    binary_cross_entropies,
    cross_entropies,
    mean_over,
    squared_errors,
)
from mtlrun.training.objective.ranking import area_under_curve, correlation, ranks

Metric = Callable[..., Tensor]
"""Of outputs, targets and, where some are missing, which are there."""

ALL = (-2, -1)
"""The axes of examples and outputs."""


def _mean(values: Tensor, there: Tensor | None, axes: tuple[int, ...]) -> Tensor:
    return values.mean(axes) if there is None else mean_over(values, there, axes)


def _class_accuracy(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    return _mean((outputs.argmax(-1) == targets).to(outputs.dtype), there, (-1,))


def _label_accuracy(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    return _mean(((outputs > 0) == (targets > 0.5)).to(outputs.dtype), there, ALL)


def _class_log_loss(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    return _mean(cross_entropies(outputs, targets), there, (-1,))


def _label_log_loss(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    return _mean(binary_cross_entropies(outputs, targets), there, ALL)


def _mse(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    return _mean(squared_errors(outputs, targets), there, ALL)


def _rmse(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    return _mse(outputs, targets, there).sqrt()


def _mae(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    return _mean((outputs - targets).abs(), there, ALL)


def _r2(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    """Return the explained share of the targets' variance (R2), all columns together; nan where they have none."""
    there = torch.ones_like(targets, dtype=torch.bool) if there is None else there
    count = there.sum(-2, keepdim=True).clamp(min=1)
    centre = torch.where(there, targets, 0).sum(-2, keepdim=True) / count
    residual = torch.where(there, (outputs - targets).square(), 0).sum(ALL)
    spread = torch.where(there, (targets - centre).square(), 0).sum(ALL)
    return torch.where(spread > 0, 1 - residual / spread, torch.nan)


def _spearman(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    """Return the correlation of ranks, ties sharing theirs; its mean over outputs. 0 where one side is constant."""
    there = torch.ones_like(targets, dtype=torch.bool) if there is None else there
    found = correlation(ranks(outputs, there), ranks(targets, there), there)
    return found.mean(-1).to(outputs.dtype)


def _classes(outputs: Tensor, targets: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the classes that are, those that are predicted, and which count, as (..., N, C) of 0 and 1."""
    count = outputs.shape[-1]
    true, guess = (F.one_hot(classes, count) for classes in (targets, outputs.argmax(-1)))
    there = torch.ones_like(targets, dtype=torch.bool) if there is None else there
    return true, guess, there.unsqueeze(-1).expand_as(true)


def _labels(outputs: Tensor, targets: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same for labels, (..., N, L)."""
    there = torch.ones_like(targets, dtype=torch.bool) if there is None else there
    return (targets > 0.5).long(), (outputs > 0).long(), there


def _both(outputs: Tensor, targets: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same for labels and their opposites, (..., N, 2 L)."""
    true, guess, there = _labels(outputs, targets, there)
    return torch.cat([1 - true, true], -1), torch.cat([1 - guess, guess], -1), torch.cat([there, there], -1)


Told = Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor, Tensor]]


def _mean_recall(told: Told) -> Metric:
    """Return balanced accuracy: the mean over the classes that occur of the part that is recognised."""

    def metric(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
        true, guess, counts = told(outputs, targets, there)
        occurring = (true * counts).sum(-2)
        recall = (true * guess * counts).sum(-2).to(outputs.dtype) / occurring.clamp(min=1)
        return mean_over(recall, occurring > 0, (-1,))

    return metric


def _macro_f1(told: Told) -> Metric:
    """Return the mean of F1 over the classes or labels that occur or are predicted."""

    def metric(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
        true, guess, counts = told(outputs, targets, there)
        both = ((true + guess) * counts).sum(-2)
        f1 = 2 * (true * guess * counts).sum(-2).to(outputs.dtype) / both.clamp(min=1)
        return mean_over(f1, both > 0, (-1,))

    return metric


def _class_auroc(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    """Return the mean over classes of the area under the curve of each class's probability against the rest."""
    true, _, counts = _classes(outputs, targets, there)
    return area_under_curve(outputs.softmax(-1), true, counts).to(outputs.dtype)


def _label_auroc(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
    true, _, counts = _labels(outputs, targets, there)
    return area_under_curve(outputs, true, counts).to(outputs.dtype)


METRICS: dict[tuple[str, str], Metric] = {
    ("multiclass", "accuracy"): _class_accuracy,
    ("binary", "accuracy"): _label_accuracy,
    ("multilabel", "accuracy"): _label_accuracy,
    ("multiclass", "balanced_accuracy"): _mean_recall(_classes),
    ("binary", "balanced_accuracy"): _mean_recall(_both),
    ("multilabel", "balanced_accuracy"): _mean_recall(_both),
    ("multiclass", "macro_f1"): _macro_f1(_classes),
    ("binary", "macro_f1"): _macro_f1(_both),
    ("multilabel", "macro_f1"): _macro_f1(_labels),
    ("multiclass", "auroc"): _class_auroc,
    ("binary", "auroc"): _label_auroc,
    ("multilabel", "auroc"): _label_auroc,
    ("multiclass", "log_loss"): _class_log_loss,
    ("binary", "log_loss"): _label_log_loss,
    ("multilabel", "log_loss"): _label_log_loss,
    ("regression", "mse"): _mse,
    ("regression", "rmse"): _rmse,
    ("regression", "mae"): _mae,
    ("regression", "r2"): _r2,
    ("regression", "spearman"): _spearman,
    # linear_teachers' test targets are free of noise at an orthonormal design, where the mean squared error is
    # the excess risk itself
    ("regression", "excess_risk"): _mse,
}
"""By the task's kind and the metric's name."""
