"""CAGrad: the worst task's gain, within a ball around the mean gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import GramianWeighting, Signals, State
from mtlrun.weighting.cosines import cosines

ITERATIONS = 25  # of the interior-point method, for three tasks or more; random gradients take about 12


@dataclass
class CAGrad(GramianWeighting):
    """Conflict-averse descent: the direction of largest least gain no further than c |g0| from the mean g0.

    d = g0 + c |g0| g_w / |g_w|, where w minimises g_w'g0 + c |g0| |g_w| over the simplex and g_w = sum_t w_t g_t;
    so the weights are 1/T + c |g0| / |g_w| w, over 1 + c^2 or 1 + c with `rescale`. Two tasks have a closed form.
    c = 0 is the mean (TorchJD: as `rescale` 0, and weights 0 where g_w is short). Where g_w is shorter than
    rounding can tell, its direction is unknown and its part of the update is near 0: the mean goes on.
    From three tasks on, where some combination of the gradients is 0 or nearly so, the solver may end at another
    one: the update is then finite and within the ball, but not the best in it.

    Source: Liu, Liu, Jin, Stone and Liu, Conflict-Averse Gradient Descent for Multi-task Learning, NeurIPS 2021,
    eq. 2 and 3, algorithm 1; `rescale` from the authors' code.

    Args:
        c: radius of the ball in lengths of the mean gradient, from 0.
        rescale: 0 leaves the direction as it is, 1 divides by 1 + c^2 (the authors' code), 2 by 1 + c.
        on: gradients of the shared parameters, or of the shared representation.
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
        rounding = 100 * torch.finfo(lengths.dtype).eps * shares.sum() ** 2
        square = torch.maximum(shares @ cosine @ shares, rounding)
        size = torch.where(square > 0, square, 1.0).sqrt()
        weights = 1 / len(lengths) + torch.where(square > 0, radius / size, 0.0) * worst
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
    return _interior_point(cosine, lengths, radius)


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


def _interior_point(cosine: Tensor, lengths: Tensor, radius: Tensor) -> Tensor:
    """Return the minimiser by a primal-dual interior-point method in the shares u_t = w_t n_t."""
    tasks, tiny = len(lengths), torch.finfo(cosine.dtype).tiny
    lengths = lengths.clamp(min=tiny**0.25)
    ridge = 50 * torch.finfo(cosine.dtype).eps  # where a combination is 0, |g_w| has no slope
    cosine = cosine + ridge * torch.eye(tasks, dtype=cosine.dtype, device=cosine.device)
    mean = cosine @ lengths / tasks  # slopes of the linear part
    inverse = lengths.amin() / lengths  # inverse'u = 1 is the simplex, but for a factor
    u = inverse / inverse.square().sum()
    dual = (mean.abs().amax() + radius + tiny**0.5).expand(tasks)
    for _ in range(ITERATIONS):
        image = cosine @ u
        size = (u @ image).clamp(min=tiny).sqrt()
        slope = mean + radius * image / size
        bend = radius / size * (cosine - image.unsqueeze(0) * (image / size / size).unsqueeze(1))
        gap = u * dual
        aim = 0.1 * gap.mean()
        p = _newton_step(bend * u.unsqueeze(0) * u.unsqueeze(1), gap, u * inverse, aim - u * slope)
        change = (aim - gap - gap * p) / u
        u = u * (1 + _longest(p) * p)
        dual = dual + _longest(change / dual) * change
    weights = u / lengths
    return weights / weights.sum()


def _newton_step(bend: Tensor, gap: Tensor, row: Tensor, goal: Tensor) -> Tensor:
    """Return p with (bend + diag(gap)) p - y row = goal and row'p = 1 - sum(row), for some y."""
    # One system with the constraint as a border: on its own, bend + gap loses its smallest eigenvalue near the end.
    matrix = torch.cat([bend + torch.diag(gap), row.unsqueeze(0)])
    border = torch.cat([-row, torch.zeros_like(row[:1])]).unsqueeze(1)
    right = torch.cat([goal, (1 - row.sum()).unsqueeze(0)])
    return torch.linalg.solve_ex(torch.cat([matrix, border], 1), right)[0][:-1]


def _longest(relative: Tensor) -> Tensor:
    """Return the step, at most 1, that takes no unknown more than 95 % of the way to 0."""
    return (0.95 / (-relative).amax().clamp(min=0.95)).clamp(max=1.0)
