"""DualProj: the mean gradient projected so that it harms no task."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.weighting.base import Averaging, GramianWeighting, Signals, State
from mtlrun.weighting.cones import dual_cone_weights


@dataclass
class DualProj(Averaging, GramianWeighting):
    """The mean of the task gradients, projected on the directions along which no task's loss rises.

    w = argmin of v'Gv over v >= 1/T, the quadratic program of gradient episodic memory with the current tasks in
    the place of the memories. Averaged, as TorchJD has it: without conflict every task weighs 1/T, a T-th of
    `equal`. The projection is exact; TorchJD adds 1e-4 to the diagonal of a normalised Gramian.

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Lopez-Paz and Ranzato, Gradient Episodic Memory for Continual Learning, NeurIPS 2017, eq. 11.

    Args:
        gradients_at: what gradients are taken at: the shared `parameters` or the `representation`.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        return dual_cone_weights(gramian, torch.full_like(gramian[0], 1 / len(gramian))), state
