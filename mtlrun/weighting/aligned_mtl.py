"""Aligned-MTL: principal components of the gradients, brought to one length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mtlrun.weighting.base import Averaging, GramianWeighting, Signals, State


@dataclass
class AlignedMTL(Averaging, GramianWeighting):
    """Independent component alignment: the system of gradients becomes orthogonal and equally long.

    With G = V diag(l) V', w = sqrt(s) V diag(l)^(-1/2) V' p, the preference p uniform (1/T each, so that
    orthogonal gradients of one length are averaged), and s the smallest l. Eigenvalues below T * eps * max(l)
    are left out, of s too. As in TorchJD and the authors' code the preference stands on the right; in the latter it
    is 1 each, as with `reduction=sum`. Weights may be negative. All gradients 0: the preference. Each task's own
    parameters keep their plain gradient, as in the authors' code by default.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Senushkin et al., Independent Component Alignment for Multi-Task Learning, CVPR 2023, eq. 11 and 12,
    algorithm 1.

    Args:
        scale: what s is: the smallest eigenvalue (`min`, the paper), the `median` (the lower of two), or the
            mean (`rmse`).
        gradients_at: gradients of the shared parameters, or of the shared representation.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    scale: Literal["min", "median", "rmse"] = "min"

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        tasks = len(gramian)
        largest = gramian.diagonal().amax()
        unit = gramian / torch.where(largest > 0, largest, 1.0)  # no square under- or overflows
        # Decompositions raise for numbers that are not finite; such a lane gets them back in its weights.
        broken = ~unit.isfinite().all()
        unit = torch.where(broken, torch.eye(tasks, dtype=unit.dtype, device=unit.device), unit)
        values, vectors = _two_tasks(unit) if tasks == 2 else torch.linalg.eigh(unit)  # ascending
        kept = values > tasks * torch.finfo(values.dtype).eps * values.amax()
        roots = torch.where(kept, values, 1.0).rsqrt()
        # Components along which the preference lies, each divided by its length.
        aligned = vectors @ torch.where(kept, roots * vectors.mean(0), 0.0)
        weights = torch.where(kept.any(), self._scale(values, kept).sqrt() * aligned, 1 / tasks)
        return torch.where(broken, torch.nan, weights), state

    def _scale(self, values: Tensor, kept: Tensor) -> Tensor:
        """Return s from the eigenvalues, ascending, of which the last are kept."""
        if self.scale == "rmse":
            return (values * kept).sum() / kept.sum().clamp(min=1)
        first = (~kept).sum()
        place = first if self.scale == "min" else first + (kept.sum() - 1) // 2
        chosen = torch.arange(len(values), device=values.device) == place
        return (values * chosen).sum().clamp(min=0)


def _two_tasks(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues, ascending, and eigenvectors of a symmetric 2 x 2 matrix."""
    first, off, second = matrix[0, 0], matrix[0, 1], matrix[1, 1]
    half = (first - second) / 2
    large = (first + second) / 2 + torch.hypot(half, off)
    # The product of both is the determinant: their difference would cancel.
    small = (first * second - off * off).clamp(min=0) / torch.where(large > 0, large, 1.0)
    angle = torch.atan2(off, half) / 2  # of the larger one's eigenvector
    x, y = angle.cos(), angle.sin()
    return torch.stack([small, large]), torch.stack([torch.stack([-y, x]), torch.stack([x, y])]).mT
