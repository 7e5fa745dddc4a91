"""The system G w = w^(-1/alpha), w > 0, of bargaining and of fair allocation, with fixed iteration counts."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mtlrun.weighting.cosines import cosines

TWO_TASKS_ITERATIONS = 8  # of a scalar equation whose slopes differ by less than 1 + max(alpha, 1 / alpha)
ITERATIONS = 20  # random gradients took up to 6 for alpha from 0.1 to 30, ill-conditioned ones of 10 tasks 15
NEGLIGIBLE = 1e-12  # a share in the combined gradient that no longer counts
ROUNDINGS = 100  # what a cosine may be wrong by; the ridge that bounds weights where there is no solution


def fair_weights(gramian: Tensor, alpha: float | Tensor) -> Tensor:
    """Return the solution of G w = w^(-1/alpha), w > 0, for one Gramian (T, T).

    It minimises the convex w'Gw / 2 - sum_t w_t^(1 - 1/alpha) / (1 - 1/alpha) (for alpha = 1: - sum_t log w_t),
    which has a minimum unless some combination of the gradients with weights of at least 0 is 0. There, a ridge
    of 100 roundings on the cosines keeps the weights finite, and the combined gradient is near 0. A gradient of
    length 0 has weight 0, and the others are weighed without it. A Gramian with relative rounding eps tells the
    minimum itself no better than eps / h^2, h the least length of a convex combination of the unit gradients.

    Args:
        gramian: inner products of the task gradients.
        alpha: above 0; 1 is the bargaining solution.
    """
    cosine, lengths = cosines(gramian)
    there = lengths > 0
    longest = torch.where(lengths.amax() > 0, lengths.amax(), 1.0)
    relative = torch.where(there, lengths / longest, 1.0)
    # With u = n w and C = G / (n n'), the system is C u = d u^(-1/alpha), d = n^(1/alpha - 1).
    logs = (1 / alpha - 1) * relative.log()
    logs = logs - logs.amax()  # of d; a common factor is put back below
    cosine = cosine + torch.diag((~there).to(cosine.dtype))
    solve = _two_tasks if len(gramian) == 2 else _newton
    power = alpha / (1 + alpha)
    common = ((1 / alpha - 1) * relative.log()).amax() * power
    found = solve(cosine, logs, alpha).log() + common - relative.log() - 2 * power * longest.log()
    return torch.where(there, found.exp(), 0.0)


def bounded(weights: Tensor, gramian: Tensor, max_norm: float | Tensor) -> Tensor:
    """Return the weights (T,), scaled down where the combined gradient is longer than `max_norm` (0: no bound)."""
    norm = (weights @ (gramian @ weights)).clamp(min=0).sqrt()
    bound = max_norm + torch.zeros_like(norm)
    return weights * torch.where((bound > 0) & (norm > bound), bound / norm, 1.0)


def _two_tasks(cosine: Tensor, logs: Tensor, alpha: float | Tensor) -> Tensor:
    """Return u for two tasks from the logarithm of r = u_2 / u_1.

    x = (C u)_2 / (C u)_1 = (c + r) / (1 + c r) and log x + log(r) / alpha = log(d_2 / d_1) =: k. For c >= 0,
    log x is a sigmoid f(log r); for c < 0, log r is f(log x) with -c for c: either way a z + b f(z) = k.
    """
    c = cosine[0, 1]
    size, agree = c.abs(), c >= 0
    inverse = torch.ones_like(c) / alpha
    a, b = torch.where(agree, inverse, 1.0), torch.where(agree, 1.0, inverse)
    k = logs[1] - logs[0]
    log_size = torch.where(size > 0, size, 1.0).log().where(size > 0, -torch.inf)
    z = torch.zeros_like(k)
    for _ in range(TWO_TASKS_ITERATIONS):
        # |a z + b f(z)| is concave in |z|: Newton's steps from 0 never go past the solution.
        value = a * z + b * _sigmoid(z, log_size) - k
        slope = a + b * (1 - size * size) / (1 + size * size + 2 * size * z.clamp(-80, 80).cosh())
        z = z - value / slope
    # (C u)_i / u_i is 1 + c r for the first; for c < 0 that cancels, and is (1 - c^2) / (1 - c x).
    tiny = ROUNDINGS * torch.finfo(c.dtype).eps
    grown = 1 + size * torch.stack([z, -z]).exp()
    opposite = torch.where(agree, grown, ((1 - size) * (1 + size)).clamp(min=tiny) / grown)
    return ((logs - opposite.log()) * (alpha / (1 + alpha))).exp()


def _sigmoid(z: Tensor, log_size: Tensor) -> Tensor:
    """Return log((s + e^z) / (1 + s e^z))."""
    return torch.logaddexp(log_size, z) - torch.logaddexp(torch.zeros_like(z), log_size + z)


def _newton(cosine: Tensor, logs: Tensor, alpha: float | Tensor) -> Tensor:
    """Return u for any number of tasks by a primal-dual Newton's method.

    The slopes s = C u are unknowns of their own, tied to u by s u^(1/alpha) = d, as in interior-point methods: a
    task's share of progress may shrink by way of its slope or of its weight, each at its own pace.
    """
    tasks, power = len(cosine), alpha / (1 + alpha)
    identity = torch.eye(tasks, dtype=cosine.dtype, device=cosine.device)
    system = cosine + ROUNDINGS * torch.finfo(cosine.dtype).eps * identity
    # So that neither unknown moves by more than the aim:
    steepness = (torch.ones_like(logs) / alpha).clamp(min=1)
    u, slopes = torch.ones_like(logs), torch.ones_like(logs)
    for _ in range(ITERATIONS):
        u_logs = u.log()
        # How far s u^(1/alpha) is from d, in logarithms; but no u is asked to be below NEGLIGIBLE.
        apart = torch.maximum(logs - slopes.log() - u_logs / alpha, (math.log(NEGLIGIBLE) - u_logs) / alpha)
        aim = apart / steepness
        aim = steepness * torch.where(aim < 0, aim.expm1(), aim.clamp(max=3))
        # In relative steps p of u and q of s: q + p / alpha = aim and C (u + u p) = s + s q, scaled symmetrically.
        missed = u * (system @ u - slopes)
        roots = (u * slopes).sqrt()
        scaled = system * (u / roots).unsqueeze(0) * (u / roots).unsqueeze(1) + identity / alpha
        p = torch.linalg.solve_ex(scaled, roots * aim - missed / roots)[0] / roots
        u, slopes = u * (1 + p.clamp(min=-0.9)), slopes * (1 + (aim - p / alpha).clamp(min=-0.9))
    # The best length along the ray.
    wanted = (logs.exp() * u ** (1 - 1 / alpha)).sum()
    return u * (wanted / (u @ system @ u)) ** power
