"""GradDrop: gradient sign dropout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtlrun.config import ADDED, FORMERLY
from mtlrun.errors import Fault
from mtlrun.weighting.base import Aggregator, GradientsAt, Signals, State


@dataclass
class GradDrop(Aggregator):
    """Just pick a sign: each element of the shared gradient keeps the tasks of one sign, drawn at random.

    P = (1 + sum_t g_t / sum_t |g_t|) / 2 by element; with U uniform, positive g_t stay where P > U and negative
    ones where P < U, and the rest leaks: update = sum_t (l_t + (1 - l_t) M_t) g_t, a sum over tasks. At the shared
    parameters, as in TorchJD; or at the representation, as in the paper and LibMTL, which take one sign for a feature
    of all examples, from their gradients times the activations' signs: here each example has signs of its own. One
    number is drawn for a step, and the numbers of its elements are hashed from it: they need no memory. The weight
    reported for a task is the share of its squared gradient that stays.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Chen et al., Just Pick a Sign, NeurIPS 2020, eq. 1 and algorithm 1, lines 10 to 15; f is the identity.

    Args:
        leak: how much of its gradient a task keeps anyway, from 0 to 1; one number, or one per task.
        gradients_at: gradients of the shared parameters, or of the shared representation.
    """

    leak: float | list[float] = 0.0
    gradients_at: GradientsAt = field(default="parameters", kw_only=True, metadata={**ADDED, FORMERLY: "on"})

    def faults(self) -> Iterator[Fault]:
        given = self.leak if isinstance(self.leak, list) else [self.leak]
        if not given or min(given) < 0 or max(given) > 1:
            yield Fault("leak", "must be from 0 to 1", self.leak)

    def random_shape(self, tasks: int) -> tuple[int, ...]:
        return (1,)

    def aggregate(self, jacobian: Tensor, signals: Signals, state: State) -> tuple[Tensor, Tensor, State]:
        # Arithmetic in place of torch.where, which takes twenty times as long on a CPU.
        assert signals.draw is not None
        positive, total = jacobian.clamp(min=0).sum(0), jacobian.sum(0)
        # P > U, with P = positive / (positive - negative); where all gradients are 0, either sign does.
        chosen = positive - uniforms(signals.draw, jacobian.shape[1]) * (2 * positive - total)
        sign = torch.ones_like(chosen).copysign(chosen)
        kept = (jacobian * sign).clamp(min=0) * sign
        leak = torch.as_tensor(self.leak, device=jacobian.device).expand_as(signals.losses)
        # Elements relative to the largest, so that no square leaves float32.
        unit = jacobian / jacobian.abs().amax(1, keepdim=True).clamp(min=1e-30)
        square, stays = torch.linalg.vecdot(jacobian, unit), torch.linalg.vecdot(kept, unit)
        share = leak + (1 - leak) * stays / square.clamp(min=1e-30)
        weights = torch.where(square > 0, share, 1.0)
        return kept.lerp(jacobian, leak.to(jacobian.dtype).unsqueeze(1)).sum(0), weights, state


def uniforms(draw: Tensor, count: int) -> Tensor:
    """Return `count` numbers strictly between 0 and 1, in the precision of one such number, (1,), hashed from it.

    Number k is the fraction of m h_k, with h_k a number of 32 bits that belongs to the element and m an odd number
    of 21 bits that is drawn: m h_k mod 2^32 in exact double precision.

    Source: Dietzfelbinger et al., A Reliable Randomized Algorithm for the Closest-Pair Problem, 1997, section 2.1.
    """
    drawn = (draw.double() * 2**20).floor() * 2 + 1
    found = (_hashed(count, draw.device).double() / 2**32 * drawn).frac()
    return found.to(draw.dtype).clamp(max=1 - 2**-24)  # the largest below 1 in float32


def _hashed(count: int, device: torch.device) -> Tensor:
    """Return `count` whole numbers of 32 bits, above 0 and all different, that look random.

    Two rounds of multiplication and shifting, in 64-bit integers, which do not overflow.
    """
    low = 2**32 - 1
    bits = torch.arange(1, count + 1, device=device) * 0x9E3779B1 & low
    for _ in range(2):
        bits = ((bits >> 16) ^ bits) * 0x45D9F3B & low
    return (bits >> 16) ^ bits
