"""Metrics: outputs (..., N, outputs) and targets to one number per leading axis (lanes, or none).

The names' directions are in data/task.py.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mtlrun.training.losses import LOSSES

Metric = Callable[[Tensor, Tensor], Tensor]


def _class_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.argmax(-1) == targets).to(outputs.dtype).mean(-1)


def _label_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs > 0) == (targets > 0.5)).to(outputs.dtype).mean((-2, -1))


def _mae(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).abs().mean((-2, -1))


def _rmse(outputs: Tensor, targets: Tensor) -> Tensor:
    return _mse(outputs, targets).sqrt()


def _r2(outputs: Tensor, targets: Tensor) -> Tensor:
    residual = (outputs - targets).square().sum((-2, -1))
    spread = (targets - targets.mean(-2, keepdim=True)).square().sum((-2, -1))
    return 1 - residual / spread.clamp(min=torch.finfo(outputs.dtype).tiny)


_mse = LOSSES["regression"]

METRICS: dict[tuple[str, str], Metric] = {
    ("multiclass", "accuracy"): _class_accuracy,
    ("binary", "accuracy"): _label_accuracy,
    ("multilabel", "accuracy"): _label_accuracy,
    ("multiclass", "log_loss"): LOSSES["multiclass"],
    ("binary", "log_loss"): LOSSES["binary"],
    ("multilabel", "log_loss"): LOSSES["multilabel"],
    ("regression", "mse"): _mse,
    ("regression", "rmse"): _rmse,
    ("regression", "mae"): _mae,
    ("regression", "r2"): _r2,
    # linear_teachers' test targets are free of noise at an orthonormal design, where the mean squared error is
    # the excess risk itself
    ("regression", "excess_risk"): _mse,
}
"""By the task's kind and the metric's name."""
