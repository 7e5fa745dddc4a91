"""Weights by the amount of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.errors import ConfigError, Fault
from mtlrun.weighting.base import Facts, Signals, State, Weighting


@dataclass
class DataSize(Weighting):
    """A task's weight follows how many training rows it has.

    w_t = T n_t^power / sum_s n_s^power, n_t the task's training rows; weights sum to T and stay. Power 1 makes
    the objective the mean over all rows of all tasks, 0 is `equal`, and -1 gives most to the task with least
    data.

    Cost: one backward pass a step.
    Source: Stickland and Murray, BERT and PALs: Projected Attention Layers for Efficient Adaptation in
    Multi-Task Learning, ICML 2019: its sampling of tasks by N^alpha, as weights instead of as draws.

    Args:
        power: of the number of rows; negative to invert.
    """

    any_leading_axes: ClassVar[bool] = True

    power: float = 1.0

    def init_state(self, facts: Facts) -> State:
        if not facts.rows:
            raise ConfigError(
                [Fault("rows", "must give the training rows of each task, by which DataSize weighs")]
            )
        rows = torch.tensor(facts.rows, dtype=torch.float64)
        return {"weights": facts.tasks * torch.softmax(self.power * rows.clamp(min=1).log(), 0)}

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        return state["weights"], state
