"""Label smoothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from mtlrun.errors import Fault
from mtlrun.regularization.base import Regularization


def _all_classes(scores: Tensor, classes: Tensor) -> Tensor:
    """Return the cross-entropy of (B, C) scores with every class alike, its mean over the examples with a class."""
    return _mean(-scores.log_softmax(-1).mean(-1), classes >= 0)


def _both_labels(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over (B, L) scores that have a label of the binary cross-entropy with either label."""
    return _mean(F.softplus(scores) - scores / 2, ~labels.isnan())  # softplus(-s) = softplus(s) - s


def _mean(values: Tensor, there: Tensor) -> Tensor:
    """Return the mean of the values that are there; 0 where none is."""
    return torch.where(there, values, 0).sum() / there.sum().clamp(min=1)


UNIFORM: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "multiclass": _all_classes,
    "binary": _both_labels,
    "multilabel": _both_labels,
}
"""By kind of task the loss of labels that say nothing; kinds without labels are not here."""


@dataclass
class LabelSmoothing(Regularization):
    """Label smoothing: training targets are (1 - smoothing) of the label and `smoothing` of all labels alike.

    loss' = (1 - smoothing) loss + smoothing u, with u the mean of the loss over all C classes; for binary and
    multilabel tasks over labels 0 and 1, so that a target y becomes (1 - smoothing) y + smoothing / 2. Regression
    tasks have no labels, and train on their plain loss. Only training losses are smoothed, and they are what a
    weighting sees; metrics, `log_loss` among them, and selection are of the labels themselves.

    Some texts give the wrong labels smoothing / (C - 1) each and the right one none of it: theirs is ours with
    smoothing C / (C - 1) times as large.

    Cost: next to none.
    Source: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, Rethinking the Inception Architecture for Computer Vision,
    CVPR 2016, section 7.

    Args:
        smoothing: weight of all labels alike, at least 0 and below 1.
    """

    active: ClassVar[bool] = False
    shapes_losses: ClassVar[bool] = True

    smoothing: float = 0.1

    def faults(self) -> Iterator[Fault]:
        if not 0 <= self.smoothing < 1:
            yield Fault("smoothing", "must be at least 0 and below 1", self.smoothing)

    def loss(self, kind: str, loss: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
        if kind not in UNIFORM:
            return loss
        return (1 - self.smoothing) * loss + self.smoothing * UNIFORM[kind](outputs, targets)
