"""Random loss weighting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from mtlrun.weighting.base import Averaging, Signals, State


@dataclass
class Random(Averaging):
    """Random loss weighting (RLW): every step draws its task weights anew; a test of what weighting itself does.

    w = softmax(z), z_t standard normal; or, with `dirichlet`, w uniform over the simplex. Weights sum to 1, as
    in the paper, so that their mean is 1/T: T times smaller than those of `equal`.

    Cost: one backward pass a step.
    Source: Lin, Ye, Zhang and Tsang, Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task
    Learning, TMLR 2022, section 3.

    Args:
        distribution: `normal`, or `dirichlet`: flat, with all parameters 1.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    any_leading_axes: ClassVar[bool] = True

    distribution: Literal["normal", "dirichlet"] = "normal"

    def random_shape(self, tasks: int) -> tuple[int, ...]:
        return (tasks,)

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        draw = signals.draw
        assert draw is not None
        eps = torch.finfo(draw.dtype).eps
        draw = draw.clamp(eps, 1 - eps)  # 0 and 1, to which a number may be rounded, have no finite image
        if self.distribution == "dirichlet":  # independent exponentials over their sum
            exponential = -draw.log()
            return exponential / exponential.sum(-1, keepdim=True), state
        return torch.softmax(torch.special.ndtri(draw), -1), state
