"""PCGrad: projecting conflicting gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.weighting.base import GramianWeighting, Signals, State


@dataclass
class PCGrad(GramianWeighting):
    """Gradient surgery: each task's gradient loses its component against every task it conflicts with.

    Task i's gradient starts as g_i and, for the other tasks j in a random order, becomes
    g - (g.g_j / |g_j|^2) g_j where g.g_j < 0. The projected gradients are summed, not averaged, so without
    conflict this is `equal`. Each task's own parameters keep their plain gradient; the authors' code projects
    gradients of all parameters together, so that it changes them too.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020, algorithm 1.

    Args:
        gradients_at: what gradients are taken at: the shared `parameters` or the `representation`.
    """

    def random_shape(self, tasks: int) -> tuple[int, ...]:
        return (tasks, tasks) if tasks > 2 else ()  # two tasks have one order only

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        own = torch.arange(len(gramian), device=gramian.device)
        order = own.flip(0).unsqueeze(1) if signals.draw is None else signals.draw.argsort(1)
        squares = gramian.diagonal()
        # Row i: task i's projected gradient, as a combination of all gradients.
        rows = torch.eye(len(gramian), dtype=gramian.dtype, device=gramian.device)
        for other in order.unbind(1):
            dots, square = (rows * gramian[other]).sum(1), squares[other]
            conflict = (dots < 0) & (other != own) & (square > 0)  # a zero gradient has none
            factor = torch.where(conflict, dots / square.clamp(min=1e-38), 0.0)
            rows = rows - factor.unsqueeze(1) * (other.unsqueeze(1) == own)
        return rows.sum(0), state
