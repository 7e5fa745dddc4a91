"""Small optimisation problems over task weights, in closed form or with fixed iteration counts, for vmap."""

from __future__ import annotations

import torch
from torch import Tensor


def min_norm_point(gramian: Tensor) -> Tensor:
    """Return argmin of w'Gw over the simplex (w >= 0, sum 1), for one Gramian (T, T).

    Two tasks have a closed form. More take Wolfe's active-set method (Wolfe, Finding the nearest point in a
    polytope, Mathematical Programming 11, 1976): each iteration either moves to the best point of the current
    face, or drops the task that stops it on the way, or adds the task that improves most. All branches are
    `torch.where` and the count of iterations is fixed, so that runs vectorise.

    A Gramian of relative rounding eps tells the least square no better than some eps of the squared length of the
    summands: where gradients cancel to 1e-6 of that or less, the direction of what is left is unknown.
    """
    # Scaling changes no minimiser and keeps squares of tiny or huge gradients representable.
    gramian = gramian / gramian.diagonal().amax().clamp(min=torch.finfo(gramian.dtype).tiny)
    if len(gramian) == 1:
        return torch.ones_like(gramian[0])
    return _two_tasks(gramian) if len(gramian) == 2 else _wolfe(gramian)


def _two_tasks(gramian: Tensor) -> Tensor:
    """Return the minimiser for two tasks: w_1 = clip((G22 - G12) / (G11 + G22 - 2 G12), 0, 1)."""
    g11, g12, g22 = gramian[0, 0], gramian[0, 1], gramian[1, 1]
    # Each weight has its own numerator: 1 - w_1 would round away a small weight of a huge gradient.
    parts = torch.stack([g22 - g12, g11 - g12])
    # Their sum, |g1 - g2|^2, is 0 for equal gradients, or noise: then the signs decide, or any w is optimal.
    weights = (parts / parts.sum().clamp(min=torch.finfo(g11.dtype).tiny)).clamp(0, 1)
    return torch.where(weights.sum() > 0, weights, 0.5)


def _wolfe(gramian: Tensor) -> Tensor:
    """Return the minimiser for any number of tasks, working on cosines so that norms may differ hugely."""
    tasks = len(gramian)
    norms = gramian.diagonal().clamp(min=torch.finfo(gramian.dtype).tiny).sqrt()
    cosines = gramian / norms.unsqueeze(0) / norms.unsqueeze(1)
    tolerance = 10 * torch.finfo(gramian.dtype).eps
    weights = torch.nn.functional.one_hot(norms.argmin(), tasks).to(gramian.dtype)
    face = weights > 0  # the tasks that may have weight
    for _ in range(2 * tasks + 2):  # tasks - 1 additions and a few drops: never more in thousands of trials
        best = _affine_minimiser(cosines, norms, face)
        inside = ((best > 0) | ~face).all()
        # The longest step towards `best` that keeps every weight at 0 or above.
        left = (weights - best).clamp(min=torch.finfo(gramian.dtype).tiny)
        room = torch.where(face & (best <= 0), weights / left, torch.inf)
        step = room.amin().clamp(max=1.0)
        moved = torch.where(inside, best, (weights + step * (best - weights)).clamp(min=0) * face)
        dropped = face & ~(~inside & (room <= step))
        lengths = moved * norms
        slope = cosines @ lengths  # along each unit gradient
        # How much adding a task would help, beyond what rounding feigns.
        gap = (lengths @ slope) / norms - slope
        helpful = torch.where(face, -torch.inf, gap - tolerance * lengths.sum())
        added = inside & (helpful.amax() > 0) & (torch.arange(tasks, device=face.device) == helpful.argmax())
        weights, face = moved / moved.sum(), dropped | added
    return weights


def _affine_minimiser(cosines: Tensor, norms: Tensor, face: Tensor) -> Tensor:
    """Return argmin of w'Gw with sum 1 and no weight off the face, signs free: G w is constant on the face."""
    on = face.to(cosines.dtype)
    ridge = 10 * torch.finfo(cosines.dtype).eps  # parallel gradients make G singular; any solution serves
    system = torch.where(face.unsqueeze(0) & face.unsqueeze(1), cosines, 0.0) + torch.diag(1 - on + ridge)
    solution, _ = torch.linalg.solve_ex(system, on * norms.amin() / norms)
    solution = solution / norms
    return solution / (solution.sum() + (solution.sum() == 0))
