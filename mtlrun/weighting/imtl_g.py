"""IMTL-G: the direction along which all tasks fall at the same angle."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.weighting.base import Averaging, GramianWeighting, Signals, State
from mtlrun.weighting.cosines import cosines


@dataclass
class IMTLG(Averaging, GramianWeighting):
    """Impartial gradients: the combined gradient has the same projection on every task's unit gradient.

    With lengths n and cosines C, w is proportional to C^-1 1 / n, and sums to 1; for two tasks w_i is
    proportional to 1 / n_i. Weights may be negative from three tasks on. A gradient of length 0 has no direction:
    it has weight 0 and the others are weighed without it. Linearly dependent directions, where no solution or
    many exist, take a ridge of 100 roundings on C; where the solution sums to 0, and where all gradients
    are 0, weights are 1/T. Each task's own parameters keep their plain gradient; the code that Navon et al. (ICML
    2022) compare with multiplies it by w_t.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Liu et al., Towards Impartial Multi-task Learning, ICLR 2021, eq. 5 (the closed form for all tasks
    together: Quinton and Rey, Jacobian Descent for Multi-Objective Optimization, 2024, appendix B).

    Args:
        gradients_at: gradients of the shared parameters, or of the shared representation.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        assert signals.gramian is not None
        return equal_projections(signals.gramian), state


def equal_projections(gramian: Tensor) -> Tensor:
    """Return the weights of IMTL-G, which sum to 1, for one Gramian (T, T)."""
    cosine, lengths = cosines(gramian)
    there = lengths > 0
    shortest = torch.where(there, lengths, torch.inf).amin()
    inverses = torch.where(there, shortest / torch.where(there, lengths, 1.0), 0.0)  # at most 1
    weights = inverses if len(gramian) == 2 else _impartial(cosine, there) * inverses
    total = weights.sum()
    solved = total.abs() > 100 * torch.finfo(total.dtype).eps * weights.abs().sum()
    return torch.where(solved, weights / torch.where(solved, total, 1.0), 1 / len(gramian))


def _impartial(cosine: Tensor, there: Tensor) -> Tensor:
    """Return C^-1 1 on the directions that are there."""
    ridge = 100 * torch.finfo(cosine.dtype).eps
    system = cosine + torch.diag((~there).to(cosine.dtype) + ridge)
    return torch.linalg.solve_ex(system, there.to(cosine.dtype))[0]
