"""The plain sum of task losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.weighting.base import Signals, State, Weighting


@dataclass
class Equal(Weighting):
    """Every task weighs 1: the plain sum of the losses (not their mean).

    Tuned, it is hard to beat: Kurin et al., In Defense of the Unitary Scalarization for Deep Multi-Task
    Learning, NeurIPS 2022; Xin et al., Do Current Multi-Task Optimization Methods Even Help?, NeurIPS 2022.

    Cost: one backward pass a step.
    """

    any_leading_axes: ClassVar[bool] = True

    def constant(self, tasks: int) -> tuple[float, ...]:
        return (1.0,) * tasks

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        return torch.ones_like(signals.losses), state
