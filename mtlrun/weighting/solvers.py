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
    """
    # Scaling changes no minimiser and keeps squares of tiny or huge gradients representable.
    gramian = gramian / gramian.diagonal().amax().clamp(min=torch.finfo(gramian.dtype).tiny)
    if len(gramian) == 1:
        return torch.ones_like(gramian[0])
    return _two_tasks(gramian) if len(gramian) == 2 else _wolfe(gramian)


def _two_tasks(gramian: Tensor) -> Tensor:
    """Return the minimiser for two tasks: w_1 = clip((G22 - G12) / (G11 + G22 - 2 G12), 0, 1)."""
    g11, g12, g22 = gramian[0, 0], gramian[0, 1], gramian[1, 1]
    distance = g11 + g22 - 2 * g12  # |g1 - g2|^2, which is 0 for equal gradients: any w is optimal
    first = torch.where(distance > 0, (g22 - g12) / distance.clamp(min=torch.finfo(g11.dtype).tiny), 0.5)
    first = first.clamp(0, 1)
    return torch.stack([first, 1 - first])


def _wolfe(gramian: Tensor) -> Tensor:
    tasks = len(gramian)
    eye = torch.eye(tasks, dtype=gramian.dtype, device=gramian.device)
    tolerance = 10 * torch.finfo(gramian.dtype).eps
    weights = torch.nn.functional.one_hot(gramian.diagonal().argmin(), tasks).to(gramian.dtype)
    face = weights > 0  # the tasks that may have weight
    for _ in range(4 * tasks):
        best = _affine_minimiser(gramian, face, eye)
        inside = ((best > 0) | ~face).all()
        # The longest step towards `best` that keeps every weight at 0 or above.
        room = torch.where(face & (best <= 0), weights / (weights - best).clamp(min=1e-30), torch.inf)
        step = room.amin().clamp(max=1.0)
        moved = torch.where(inside, best, (weights + step * (best - weights)).clamp(min=0) * face)
        dropped = face & ~(~inside & (room <= step))
        slope = gramian @ moved
        gap = moved @ slope - slope  # how much adding a task would help
        helpful = torch.where(face, -torch.inf, gap)
        added = inside & (helpful.amax() > tolerance) & (eye[helpful.argmax()] > 0)
        weights, face = moved / moved.sum(), dropped | added
    return weights


def _affine_minimiser(gramian: Tensor, face: Tensor, eye: Tensor) -> Tensor:
    """Return argmin of w'Gw with sum 1 and no weight off the face, signs free."""
    on = face.to(gramian.dtype)
    ridge = 10 * torch.finfo(gramian.dtype).eps  # parallel gradients make G singular; any solution serves
    system = (
        torch.where(face.unsqueeze(0) & face.unsqueeze(1), gramian, 0.0) + torch.diag(1 - on) + ridge * eye
    )
    solution, _ = torch.linalg.solve_ex(system, on)
    return solution / (solution.sum() + (solution.sum() == 0))
