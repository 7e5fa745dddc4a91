"""Gradient Vaccine: conflicting gradients are turned towards a running target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Facts, GramianWeighting, Signals, State
from mtlrun.weighting.cosines import cosines


@dataclass
class GradVac(GramianWeighting):
    """Gradient Vaccine: as `pcgrad`, but each pair is turned towards its usual cosine instead of 0.

    Task i's gradient g starts as g_i and, for the other tasks j in a random order, with c = cos(g, g_j) and the
    target c', becomes g + |g| (c' sqrt(1 - c^2) - c sqrt(1 - c'^2)) / (|g_j| sqrt(1 - c'^2)) g_j where c < c',
    after which its cosine with g_j is c'. Then c' moves to (1 - beta) c' + beta c. Targets start at 0 and are
    kept for each ordered pair; a gradient of length 0 has no cosine and changes neither. The gradients are
    summed, not averaged, over all shared parameters together (`whole_model` in the paper). Each task's own
    parameters keep their plain gradient.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Wang, Tsvetkov, Firat and Cao, Gradient Vaccine: Investigating and Improving Multi-task Optimization
    in Massively Multilingual Models, ICLR 2021, eq. 3 and 4, algorithm 1.

    Args:
        beta: how fast targets follow, in [0, 1]; 0.01 in the paper, 0.5 in TorchJD and LibMTL.
        gradients_at: gradients of the shared parameters, or of the shared representation.
    """

    beta: float = 0.01

    def faults(self) -> Iterator[Fault]:
        if not 0 <= self.beta <= 1:
            yield Fault("beta", "must be between 0 and 1", self.beta)

    def init_state(self, facts: Facts) -> State:
        return {"targets": torch.zeros(facts.tasks, facts.tasks)}

    def random_shape(self, tasks: int) -> tuple[int, ...]:
        return (tasks, tasks) if tasks > 2 else ()  # two tasks have one order only

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        cosine, lengths = cosines(gramian)
        own = torch.arange(len(gramian), device=gramian.device)
        order = own.flip(0).unsqueeze(1) if signals.draw is None else signals.draw.argsort(1)
        # Row i: task i's gradient, in units of its own length, as a combination of unit gradients.
        rows = torch.eye(len(gramian), dtype=gramian.dtype, device=gramian.device)
        targets = state["targets"]
        for other in order.unbind(1):
            pair = other.unsqueeze(1) == own
            met = pair & (other != own).unsqueeze(1) & (lengths > 0)
            found, length, exists = _cosine_with(rows, cosine, other)
            met = met & exists.unsqueeze(1)
            factor = length * _turn(found, (targets * pair).sum(1))
            rows = rows + torch.where(met, factor.unsqueeze(1), 0.0)
            moved = (1 - self.beta) * targets + self.beta * found.unsqueeze(1)
            targets = torch.where(met, moved, targets)
        weights = torch.where(lengths > 0, lengths @ rows / torch.where(lengths > 0, lengths, 1.0), 1.0)
        return weights, {"targets": targets}


def _cosine_with(rows: Tensor, cosine: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return each row's cosine with its other task, its length, and whether it is longer than rounding, (T,)."""
    square = ((rows @ cosine) * rows).sum(1)
    exists = square > 10 * torch.finfo(rows.dtype).eps * rows.abs().sum(1).square()
    length = torch.where(exists, square, 1.0).sqrt()
    return ((rows * cosine[other]).sum(1) / length).clamp(-1, 1), length, exists


def _turn(found: Tensor, target: Tensor) -> Tensor:
    """Return how much of the other task's unit gradient a unit gradient needs to have the target cosine."""
    # A target of 1 cannot be reached: the clamp keeps the division finite.
    sine = (1 - target.square()).clamp(min=torch.finfo(target.dtype).eps).sqrt()
    needed = target * (1 - found.square()).clamp(min=0).sqrt() / sine - found
    return torch.where(found < target, needed, 0.0)
