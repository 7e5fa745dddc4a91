"""UPGrad: every task's gradient projected so that it harms no task."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.weighting.base import Averaging, GramianWeighting, Signals, State
from mtlrun.weighting.cones import dual_cone_weights


@dataclass
class UPGrad(Averaging, GramianWeighting):
    """The mean of all task gradients, each projected on the directions along which no task's loss rises.

    w = (1/T) sum_i argmin over v >= e_i of v'Gv. Averaged, as in the paper: without conflict every task weighs
    1/T, a T-th of `equal`. For two tasks it is half of `pcgrad`. The projections are exact; TorchJD adds 1e-4 to
    the diagonal of a normalised Gramian. A gradient of 0 keeps weight 1/T.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Quinton and Rey, Jacobian Descent for Multi-Objective Optimization, 2024, eq. 4 and proposition 1.

    Args:
        gradients_at: what gradients are taken at: the shared `parameters` or the `representation`.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        each = torch.eye(len(gramian), dtype=gramian.dtype, device=gramian.device)
        return dual_cone_weights(gramian, each).mean(0), state
