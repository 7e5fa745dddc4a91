"""Projections on the dual cone of task gradients: the directions along which no task's loss rises."""

from __future__ import annotations

import torch
from torch import Tensor


def dual_cone_weights(gramian: Tensor, preferences: Tensor) -> Tensor:
    """Return the weights v of the projection of sum_t u_t g_t on the dual cone of the gradients.

    v minimises v'Gv over v >= u (Quinton and Rey 2024, proposition 1). Two tasks have a closed form. More take
    the active-set method for non-negative least squares (Lawson and Hanson, Solving Least Squares Problems, 1974,
    chapter 23) in x = v - u: each iteration moves to the best point of the current face, or drops the task that
    stops it on the way; then the task whose loss rises most joins. The count of iterations is fixed.

    Args:
        gramian: inner products of the gradients, (T, T).
        preferences: u, (..., T), not negative.

    Returns:
        v, shaped as `preferences`. A gradient of 0 keeps its preference.
    """
    tiny = torch.finfo(gramian.dtype).tiny
    # Scaling changes no minimiser and keeps squares of tiny or huge gradients representable.
    gramian = gramian / gramian.diagonal().amax().clamp(min=tiny)
    norms = gramian.diagonal().clamp(min=tiny).sqrt()
    cosines = gramian / norms.unsqueeze(0) / norms.unsqueeze(1)
    # Of each loss along the unprojected direction, for unit gradients:
    slopes = (preferences * norms) @ cosines
    # Of two losses no more than one rises where u >= 0, and undoing that makes the other not rise.
    lengths = (-slopes).clamp(min=0) if len(gramian) == 2 else _nonnegative(cosines, slopes)
    return preferences + torch.where(gramian.diagonal() > 0, lengths / norms, 0.0)


def _nonnegative(cosines: Tensor, linear: Tensor) -> Tensor:
    """Return argmin of y'Cy / 2 + b'y over y >= 0, for every row b of `linear` (..., T)."""
    tasks, numbers = cosines.shape[-1], torch.finfo(cosines.dtype)
    places = torch.arange(tasks, device=cosines.device)
    lengths, face = torch.zeros_like(linear), torch.zeros_like(linear, dtype=torch.bool)
    settled = torch.ones_like(face[..., :1])  # at the best point of the face
    for _ in range(3 * tasks):  # up to T additions and a few drops: fewer than 2 T + 2 in thousands of trials
        slopes = linear + lengths @ cosines
        noise = 10 * numbers.eps * (linear.abs().amax(-1, keepdim=True) + lengths.sum(-1, keepdim=True))
        falling = torch.where(face, torch.inf, slopes + noise)
        joins = (falling < 0) & (falling.argmin(-1, keepdim=True) == places)
        face = face | (settled & joins)
        best = _best_on_face(cosines, linear, face)
        blocked = face & (best <= 0)
        room = torch.where(blocked, lengths / (lengths - best).clamp(min=numbers.tiny), torch.inf)
        step = room.amin(-1, keepdim=True).clamp(max=1.0)
        face = face & ~(blocked & (room <= step))
        lengths = torch.where(face, (lengths + step * (best - lengths)).clamp(min=0), 0.0)
        settled = ~blocked.any(-1, keepdim=True)
    return lengths


def _best_on_face(cosines: Tensor, linear: Tensor, face: Tensor) -> Tensor:
    """Return argmin of y'Cy / 2 + b'y with y 0 off the face, signs free."""
    on = face.to(cosines.dtype)
    ridge = 10 * torch.finfo(cosines.dtype).eps  # parallel gradients make C singular; any solution serves
    both = face.unsqueeze(-1) & face.unsqueeze(-2)
    system = torch.where(both, cosines, 0.0) + torch.diag_embed(1 - on + ridge)
    return torch.linalg.solve_ex(system, (-linear * on).unsqueeze(-1))[0].squeeze(-1)
