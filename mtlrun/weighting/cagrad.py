"""CAGrad: the worst task's gain, within a ball around the mean gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Averaging, GramianWeighting, Signals, State
from mtlrun.weighting.cosines import cosines

ROUNDINGS = 100  # of the squared length of the summands, below which that of a combination is taken as 0
RIDGE = 50  # roundings on the cosines: parallel gradients leave many solutions, and any serves


@dataclass
class CAGrad(Averaging, GramianWeighting):
    """Conflict-averse descent: the direction of largest least gain no further than c |g0| from the mean g0.

    d = g0 + c |g0| g_w / |g_w|, where w minimises g_w'g0 + c |g0| |g_w| over the simplex and g_w = sum_t w_t g_t;
    so the weights are 1/T + c |g0| / |g_w| w, over 1 + c^2 or 1 + c with `rescale`. Two tasks have a closed form.
    c = 0 is the mean (TorchJD: as `rescale` 0, and weights 0 where g_w is short). The authors' code multiplies the
    update by T, as `reduction=sum` does; it and the code here leave each task's own parameters their plain gradient.

    The least gain, g_w'g0 + c |g0| |g_w|, is 0 at Pareto-stationary points if c >= 1, where 0 is in the ball. The
    update is then 0, because the direction of g_w = 0 is unknown. The same holds wherever that gain is below
    10 sqrt(eps) c |g0| times the length of g_w's summands, which is what a Gramian with relative rounding eps can
    tell. If c < 1 and g_w is that short, only its part of the update vanishes, and the mean remains.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Liu, Liu, Jin, Stone and Liu, Conflict-Averse Gradient Descent for Multi-task Learning, NeurIPS 2021,
    eq. 2 and 3, algorithm 1; `rescale` from the authors' code.

    Args:
        c: radius of the ball in lengths of the mean gradient, from 0.
        rescale: 0 leaves the direction as it is, 1 divides by 1 + c^2 (the authors' code), 2 by 1 + c.
        gradients_at: gradients of the shared parameters, or of the shared representation.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    c: float = 0.4
    rescale: Literal[0, 1, 2] = 1

    def faults(self) -> Iterator[Fault]:
        if self.c < 0:
            yield Fault("c", "must be 0 or more", self.c)

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        cosine, lengths = cosines(gramian)
        longest = torch.where(lengths.amax() > 0, lengths.amax(), 1.0)
        lengths = lengths / longest
        mean = (lengths @ cosine @ lengths).clamp(min=0).sqrt() / len(lengths)
        radius = self.c * mean
        worst = worst_combination(cosine, lengths, radius)
        shares = worst * lengths
        # Below this, what is left of the combination is rounding; the bound keeps the quotient finite.
        rounding = ROUNDINGS * torch.finfo(lengths.dtype).eps * shares.sum() ** 2
        square = shares @ cosine @ shares
        told = torch.maximum(square, rounding)
        size = torch.where(told > 0, told, 1.0).sqrt()
        weights = 1 / len(lengths) + torch.where(told > 0, radius / size, 0.0) * worst
        gain = lengths @ cosine @ shares / len(lengths) + radius * square.clamp(min=0).sqrt()
        stationary = (gain <= radius * rounding.sqrt()) & (self.c >= 1)
        weights = torch.where(stationary, 0.0, weights)
        return weights / (1, 1 + self.c**2, 1 + self.c)[self.rescale], state


def worst_combination(cosine: Tensor, lengths: Tensor, radius: Tensor) -> Tensor:
    """Return argmin over the simplex of g_w'g0 + radius |g_w|, g0 the mean gradient, (T,).

    Args:
        cosine: between the gradients, (T, T).
        lengths: of the gradients, (T,), the longest 1.
        radius: at least 0, ().
    """
    if len(lengths) == 2:
        return _two_tasks(cosine[0, 1], lengths, radius)
    return _active_set(cosine, lengths, radius)


def _two_tasks(cosine: Tensor, lengths: Tensor, radius: Tensor) -> Tensor:
    """Return the minimiser in closed form.

    On the line w = (x, 1 - x), |g_w|^2 = D^2 (x - x0)^2 + m^2 with D = |g1 - g2|, and g_w'g0 has the slope
    l = (|g1|^2 - |g2|^2) / 2: the optimum is where D (x - x0) = -m s / sqrt(1 - s^2), s = l / (radius D), or at
    an end where |s| >= 1.
    """
    tiny = torch.finfo(cosine.dtype).tiny
    first, second = lengths[0], lengths[1]
    cross = cosine * first * second
    apart = (first - second).square() + 2 * first * second * (1 - cosine)  # D^2
    slope = (first - second) * (first + second) / 2
    shortest = first * second * ((1 - cosine) * (1 + cosine)).clamp(min=0).sqrt()  # m D
    reach = radius.square() * apart - slope.square()  # (radius D)^2 (1 - s^2)
    moved = shortest * slope / reach.clamp(min=tiny).sqrt()  # D^2 (x0 - x)
    parts = torch.stack([second * second - cross - moved, first * first - cross + moved])
    inside = (parts / torch.where(apart > 0, apart, 1.0)).clamp(0, 1)
    inside = torch.where(inside.sum() > 0, inside / inside.sum().clamp(min=tiny), 0.5)
    ends = torch.stack([slope < 0, slope > 0]).to(inside.dtype)
    return torch.where((reach > 0) | (slope == 0), inside, ends)


def _active_set(cosine: Tensor, lengths: Tensor, radius: Tensor) -> Tensor:
    """Return the minimiser by an active-set method in the shares u_t = w_t n_t.

    As in Wolfe's method for the least norm (solvers.py), each iteration moves to the best point of the current face,
    or drops the task that stops it on the way, or adds the task that improves most.
    """
    tasks, numbers = len(lengths), torch.finfo(cosine.dtype)
    lengths = lengths.clamp(min=numbers.tiny**0.25)
    # Where a combination is 0, |g_w| has no slope; the ridge rounds that tip.
    cosine = cosine + RIDGE * numbers.eps * torch.eye(tasks, dtype=cosine.dtype, device=cosine.device)
    mean = cosine @ lengths / tasks  # slopes of the linear part
    inverse = lengths.amin() / lengths  # inverse'u = 1 is the simplex, but for a factor
    places = torch.arange(tasks, device=cosine.device)
    face = (
        places == ((mean + radius) * lengths).argmin()
    )  # the tasks that may have weight: the best one alone
    u = torch.where(face, 1 / inverse, 0.0)
    for _ in range(2 * tasks + 2):  # tasks - 1 additions and a few drops: never more in thousands of trials
        ahead, bounded = _way_to_best(cosine, mean, inverse, radius, face, u)
        room = torch.where(face & (ahead < 0), u / (-ahead).clamp(min=numbers.tiny), torch.inf)
        first = room.amin()
        stopped = (first < torch.inf) & ((first <= 1) | ~bounded)
        step = torch.where(stopped, first, bounded.to(u.dtype))
        u = torch.where(face, u + step * ahead, 0.0).clamp(min=0)
        u = u / (inverse @ u)
        image = cosine @ u
        size = (u @ image).clamp(min=numbers.tiny).sqrt()
        slope = mean + radius * image / size
        # How much adding a task would help, beyond what rounding feigns.
        noise = 10 * numbers.eps * (mean.abs().amax() + radius * u.sum() / size)
        gain = torch.where(face, -torch.inf, (u @ slope) * inverse - slope - noise)
        added = ~stopped & (gain.amax() > 0) & (places == gain.argmax())
        face = (face & ~(stopped & (room <= step))) | added
    weights = u / lengths
    return weights / weights.sum()


def _way_to_best(
    cosine: Tensor, mean: Tensor, inverse: Tensor, radius: Tensor, face: Tensor, u: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the way from u to the best point of the face, signs free, and whether it ends.

    With C, b, a (cosine, mean, inverse) on the face, b'u + r sqrt(u'Cu) for a'u = 1 is least at
    u = (y C^-1 a - C^-1 b) / (a'C^-1 a (y - y0)), y0 = a'C^-1 b / a'C^-1 a, where y, the minimum, is above y0 by
    sqrt((r^2 - |p|^2) / a'C^-1 a), p = y0 C^-1 a - C^-1 b, |p|^2 = p'Cp. For |p| >= r it falls along p without end.
    """
    on = face.to(cosine.dtype)
    widest = (inverse * on).amax()
    ends = torch.stack([inverse * on / widest, mean * on], 1)
    system = torch.where(face.unsqueeze(0) & face.unsqueeze(1), cosine, 0.0) + torch.diag(1 - on)
    solved, _ = torch.linalg.solve_ex(system, ends)
    square = ends[:, 0] @ solved[:, 0]
    p = (ends[:, 0] @ solved[:, 1]) / square * solved[:, 0] - solved[:, 1]
    left = radius.square() + mean @ p
    above = (left.clamp(min=torch.finfo(left.dtype).tiny) / square).sqrt()
    best = (solved[:, 0] + p / above) / square / widest
    return torch.where(left > 0, best - u, p), left > 0
