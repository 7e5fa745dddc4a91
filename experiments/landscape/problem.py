"""A landscape of two losses over a plane that simple descent gets stuck in, and its Pareto set.

Formulas: Liu, Liu, Jin, Stone and Liu, Conflict-Averse Gradient Descent, NeurIPS 2021, appendix (the landscape), with
the first loss scaled by 0.1 as in Navon et al., Multi-Task Learning as a Bargaining Game, ICML 2022 (appendix), whose
five starts these are. In the upper half plane each loss has a narrow logarithmic ravine, in the lower half a bowl.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

STARTS = ((-8.5, 7.5), (0.0, 0.0), (9.0, 9.0), (-7.5, -0.5), (9.0, -1.0))
SCALES = (0.1, 1.0)
FLOOR = 20.0  # no loss, before scaling, is below minus this
REACHED = 0.2  # gap up to which a point counts as on the Pareto front: 1 % of the depth of the bowls


def losses(point: Tensor) -> Tensor:
    """Return both losses of points (..., 2), (..., 2).

    The appendices print f2 with `- tanh(-y)`; the code of Navon et al. has `+ tanh(-y)`, as here, which makes the
    ravines symmetric about x = 0.
    """
    x, y = point.unbind(-1)
    ravine = torch.stack([0.5 * (-x - 7) - torch.tanh(-y), 0.5 * (-x + 3) + torch.tanh(-y) + 2], -1)
    upper = ravine.abs().clamp(min=5e-6).log() + 6
    centre = point.new_tensor([7.0, -7.0])
    lower = ((x.unsqueeze(-1) - centre) ** 2 + 0.1 * (y.unsqueeze(-1) + 8) ** 2) / 10 - FLOOR
    height = torch.tanh(0.5 * y).unsqueeze(-1)
    return (height.clamp(min=0) * upper + (-height).clamp(min=0) * lower) * point.new_tensor(SCALES)


def shifted(point: Tensor) -> Tensor:
    """Return both losses raised by constants so that they are above 0, as losses in training are."""
    return losses(point) + FLOOR * point.new_tensor(SCALES)


def pareto_set(points: int = 281) -> np.ndarray:
    """Return points of the Pareto set, (points, 2), from the best of the second loss to that of the first.

    In the lower half plane both losses share a factor that depends on y alone, so for the sum of bowls weighted
    a and 1 - a the best x is 14 a - 7 wherever y is; y is found on a grid of step 0.001.
    """
    share = np.linspace(0, 1, points)[:, None]
    x, y = 14 * share - 7, np.arange(-10, -7, 1e-3)[None]
    bowl = (share * (x - 7) ** 2 + (1 - share) * (x + 7) ** 2 + 0.1 * (y + 8) ** 2) / 10 - FLOOR
    best = (np.tanh(-0.5 * y) * bowl).argmin(1)
    return np.stack([x[:, 0], y[0, best]], 1)


def distance(points: np.ndarray) -> np.ndarray:
    """Return how far points (..., 2) are from the Pareto set in the plane."""
    return np.linalg.norm(points[..., None, :] - pareto_set(), axis=-1).min(-1)


def gap(points: np.ndarray) -> np.ndarray:
    """Return how far the losses at points (..., 2) are from the Pareto front, both losses without their scale."""
    reached, front = (
        losses(torch.from_numpy(np.asarray(p, dtype=np.float64))).numpy() / SCALES
        for p in (points, pareto_set())
    )
    return np.linalg.norm(reached[..., None, :] - front, axis=-1).min(-1)
