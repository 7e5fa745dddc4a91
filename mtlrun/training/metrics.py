"""Metrics of one run: outputs (N, outputs) and targets to a scalar. The names' directions are in data/task.py."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mtlrun.training.losses import LOSSES

Metric = Callable[[Tensor, Tensor], Tensor]


def _class_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.argmax(-1) == targets).to(outputs.dtype).mean()


def _label_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs > 0) == (targets > 0.5)).to(outputs.dtype).mean()


def _mse(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().mean()


def _mae(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).abs().mean()


def _rmse(outputs: Tensor, targets: Tensor) -> Tensor:
    return _mse(outputs, targets).sqrt()


def _r2(outputs: Tensor, targets: Tensor) -> Tensor:
    residual = (outputs - targets).square().sum()
    return 1 - residual / (targets - targets.mean(0)).square().sum().clamp(
        min=torch.finfo(outputs.dtype).tiny
    )


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
