"""GradDrop: gradient sign dropout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Aggregator, Signals, State


@dataclass
class GradDrop(Aggregator):
    """Just pick a sign: each element of the shared gradient keeps the tasks of one sign, drawn at random.

    P = (1 + sum_t g_t / sum_t |g_t|) / 2 by element; with U uniform, positive g_t stay where P > U and negative
    ones where P < U, and the rest leaks: update = sum_t (l_t + (1 - l_t) M_t) g_t, a sum over tasks. At the shared
    parameters, as in TorchJD; the paper works at an activation, where it marginalises over the batch. One number
    is drawn for a step, and the numbers of its elements are hashed from it: they need no memory. The weight
    reported for a task is the share of its squared gradient that stays.

    Source: Chen et al., Just Pick a Sign, NeurIPS 2020, eq. 1 and algorithm 1, lines 10 to 15; f is the identity.

    Args:
        leak: how much of its gradient a task keeps anyway, from 0 to 1; one number, or one per task.
    """

    leak: float | list[float] = 0.0

    def faults(self) -> Iterator[Fault]:
        given = self.leak if isinstance(self.leak, list) else [self.leak]
        if not given or min(given) < 0 or max(given) > 1:
            yield Fault("leak", "must be from 0 to 1", self.leak)

    def random_shape(self, tasks: int) -> tuple[int, ...]:
        return (1,)

    def aggregate(self, jacobian: Tensor, signals: Signals, state: State) -> tuple[Tensor, Tensor, State]:
        assert signals.draw is not None
        size = jacobian.abs().sum(0)
        # Where all gradients are 0, either sign does.
        balance = torch.where(size > 0, jacobian.sum(0) / torch.where(size > 0, size, 1.0), 0.0)
        positive = (1 + balance) / 2 > uniforms(signals.draw, jacobian.shape[1])
        kept = torch.where(positive, jacobian > 0, jacobian < 0)
        leak = torch.as_tensor(self.leak, device=jacobian.device).expand_as(signals.losses).unsqueeze(1)
        share = torch.where(kept, 1.0, leak)
        # Elements relative to the largest, so that no square leaves float32.
        squares = (jacobian / jacobian.abs().amax(1, keepdim=True).clamp(min=1e-30)).square()
        total = squares.sum(1)
        weights = torch.where(total > 0, (share * squares).sum(1) / total.clamp(min=1e-30), 1.0)
        return (share * jacobian).sum(0), weights, state


def uniforms(draw: Tensor, count: int) -> Tensor:
    """Return `count` numbers strictly between 0 and 1, in the precision of one such number, (1,), hashed from it.

    Two rounds of multiplication and shifting on 32 bits, in 64-bit integers, which do not overflow.
    """
    low = 2**32 - 1
    bits = (draw.double() * 2**32).long() & low
    bits = (torch.arange(count, device=draw.device) * 0x9E3779B1 + bits) & low
    for _ in range(2):
        bits = ((bits >> 16) ^ bits) * 0x45D9F3B & low
    bits = (bits >> 16) ^ bits
    return ((bits >> 9).to(draw.dtype) + 0.5) / 2**23  # 24 bits with the half: exact in float32
