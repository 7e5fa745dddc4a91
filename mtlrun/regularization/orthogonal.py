"""Orthogonality of shared and own features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.regularization.base import Regularization

FLOOR = 1e-12  # of a squared length, so that features which are the same for all examples have a gradient


@dataclass
class Orthogonal(Regularization):
    """Difference loss: coefficient * sum over tasks of |H_s' H_p|_F^2 / B^2, so that own features add to shared ones.

    Rows of H_s (B, F_s) are the features that a task shares with others, for each example of a batch; rows of H_p
    (B, F_p) its own. Columns have their mean over the batch taken off, then rows are scaled to length 1. Several
    shared experts count as one encoder with the features of all of them, and so do several of a task.

    It needs a sharing scheme whose tasks have both, side by side: `sharing=cgc` and, in its last level,
    `sharing=ple`. A baseline has one encoder and nothing to compare. The penalty is of the training batch, is not
    weighted by any task weighting, and takes no part in gradient surgery.

    Scale: the paper gives the squared norm of the product; its authors' code centres and scales as here, and takes
    the mean over the F_s F_p elements in place of their sum. Divided by B^2 it does not depend on the size of the
    batch, and is at most 1. Differs from the paper: tasks stand in the place of domains, and there is neither a
    decoder nor a similarity loss.

    Cost: a product of features for each task and step.
    Source: Bousmalis, Trigeorgis, Silberman, Krishnan and Erhan, Domain Separation Networks, NeurIPS 2016, eq. 5.

    Args:
        coefficient: factor of the sum, at least 0.
    """

    active: ClassVar[bool] = False
    compares: ClassVar[bool] = True

    coefficient: float = 1.0

    def faults(self) -> Iterator[Fault]:
        if self.coefficient < 0:
            yield Fault("coefficient", "must not be negative", self.coefficient)

    def difference(self, shared: Sequence[Tensor], own: Sequence[Tensor]) -> Tensor:
        terms = [(_rows(s).mT @ _rows(p) / len(s)).square().sum() for s, p in zip(shared, own, strict=True)]
        return self.coefficient * torch.stack(terms).sum()


def _rows(features: Tensor) -> Tensor:
    """Return features (B, F) without their mean over examples, each example's of length 1."""
    centred = features - features.mean(0)
    return centred * (centred.square().sum(-1, keepdim=True) + FLOOR).rsqrt()
