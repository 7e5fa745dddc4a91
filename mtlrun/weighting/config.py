"""ConFIG: a direction with the same cosine to every task's gradient."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.weighting.base import GramianWeighting, Signals, State


@dataclass
class ConFIG(GramianWeighting):
    """The direction whose cosine with every task's gradient is the same, as long as the gradients' sum along it.

    v = D^-1 (D^-1 G D^-1)^+ 1 with D = diag of the norms; w = v (1'Gv) / (v'Gv). For two tasks this is
    w_i = (n_1 + n_2) / (2 n_i). Weights can be negative with three tasks or more. As in the authors' code and
    TorchJD, the length is a sum over tasks, not a mean. The pseudo-inverse leaves out eigenvalues of the cosines
    under 10 T eps of the largest: about 1e-14 in float64, 4e-6 in float32, for three tasks. A gradient of 0 gets
    weight 0; where no direction is left, as for opposed gradients, the update is 0.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Liu, Chu and Thuerey, ConFIG: Towards Conflict-free Training of Physics Informed Neural Networks,
    ICLR 2025, eq. 2 and 3.

    Args:
        gradients_at: what gradients are taken at: the shared `parameters` or the `representation`.
    """

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        tiny = torch.finfo(gramian.dtype).tiny
        gramian = gramian / gramian.diagonal().amax().clamp(min=tiny)  # w does not depend on scale
        there = gramian.diagonal() > 0
        norms = gramian.diagonal().clamp(min=tiny).sqrt()
        if len(gramian) == 2:  # the bisector; a lone gradient stays itself
            found = torch.where(there, norms, 0.0).sum() / there.sum().clamp(min=1)
        else:
            found = _equal_cosines(gramian / norms.unsqueeze(0) / norms.unsqueeze(1), norms)
        return torch.where(there, found / norms, 0.0), state


def _equal_cosines(cosines: Tensor, norms: Tensor) -> Tensor:
    """Return z (n'Cz) / (z'Cz) for z = C^+ 1, from cosines C (T, T) and norms n (T,)."""
    eps = torch.finfo(cosines.dtype).eps
    # A broken run must not raise for all.
    values, vectors = torch.linalg.eigh(torch.nan_to_num(cosines, 0.0, 0.0, 0.0))
    kept = values > 10 * len(values) * eps * values.amax()
    ones = torch.where(kept, vectors.sum(0), 0.0)  # the vector of ones, by eigenvector
    found = ones / torch.where(kept, values, 1.0)
    along = (norms @ vectors * ones).sum()
    square = (found * ones).sum()
    return vectors @ found * torch.where(square > 0, along / square.clamp(min=eps), 0.0)
