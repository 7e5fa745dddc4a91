"""Uncertainty weighting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.weighting.base import Facts, Signals, State, Weighting


@dataclass
class Uncertainty(Weighting):
    """Homoscedastic uncertainty: each task has a trained log-variance s_t; w_t = exp(-s_t)/2, plus s_t/2.

    The objective is sum_t exp(-s_t)/2 * loss_t + s_t/2; the run's optimizer trains s_t with the model. Every
    s_t starts at 0, so weights start at 1/2 and, for a constant loss, tend to 1 / (2 loss_t).

    Cost: one backward pass a step.
    Source: Kendall, Gal and Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses, CVPR 2018, eq. 7
    and 10, in the form for log-variances.
    """

    any_leading_axes: ClassVar[bool] = True

    def learned(self, facts: Facts) -> State:
        return {"log_variance": torch.zeros(facts.tasks)}

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        return torch.exp(-signals.learned["log_variance"]) / 2, state

    def penalty(self, learned: State) -> Tensor:
        return learned["log_variance"].sum(-1) / 2
