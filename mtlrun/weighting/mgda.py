"""MGDA: the multiple-gradient descent algorithm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mtlrun.weighting.base import Averaging, GramianWeighting, Signals, State
from mtlrun.weighting.solvers import min_norm_point


@dataclass
class MGDA(Averaging, GramianWeighting):
    """The convex combination of task gradients of least norm, a direction that no task's loss rises along.

    w = argmin over the simplex of w'Gw; weights sum to 1. With `normalize`, w is found for normalised
    gradients and applied to the plain ones, as the authors' code does. Each task's own parameters keep their plain
    gradient, where that code multiplies it by w_t. Closed form for two tasks, else an active-set
    method: exact but for rounding, which hides what is left of gradients that cancel. A weight may be 0, as in
    TorchJD, where the authors' code and LibMTL keep each of two tasks at 0.001 or more. TorchJD takes 100 steps of
    Frank and Wolfe's method, which for three tasks or more may end short of the least norm.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Désidéri, Multiple-gradient descent algorithm, C. R. Acad. Sci. Paris 350, 2012; Sener and Koltun,
    Multi-Task Learning as Multi-Objective Optimization, NeurIPS 2018, eq. 3.

    Args:
        normalize: divide each gradient by nothing (`none`), its norm (`l2`), its loss (`loss`), or both
            (`loss+`).
        gradients_at: what gradients are taken at: the shared `parameters` or, as in Sener and Koltun's upper bound
            (MGDA-UB, section 3.3), the `representation`.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    normalize: Literal["none", "l2", "loss", "loss+"] = "none"

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        gramian = gramian / gramian.diagonal().amax().clamp(min=1e-38)
        norms = gramian.diagonal().clamp(min=1e-38).sqrt()
        # Relative losses: a loss of 0 must not make the quotients below overflow float32.
        losses = (signals.losses / signals.losses.amax().clamp(min=1e-38)).clamp(min=1e-16)
        scale = {"none": torch.ones_like(norms), "l2": norms, "loss": losses, "loss+": norms * losses}[
            self.normalize
        ]
        return min_norm_point(gramian / scale.unsqueeze(0) / scale.unsqueeze(1)), state
