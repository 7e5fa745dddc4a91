"""Impartial multi-task learning, loss balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.weighting.base import Facts, Signals, State, Weighting


@dataclass
class IMTLL(Weighting):
    """IMTL-L: each task has a trained scale s_t that brings its loss to the size of the others'.

    The objective is sum_t exp(s_t) * loss_t - s_t; the run's optimizer trains s_t with the model. Every s_t
    starts at 0, so weights start at 1 and, for a constant loss, tend to 1 / loss_t. It is twice the objective
    of `uncertainty` with s_t for minus the log-variance.

    Cost: one backward pass a step.
    Source: Liu et al., Towards Impartial Multi-task Learning, ICLR 2021, loss balance (IMTL-L), with a = e.
    """

    any_leading_axes: ClassVar[bool] = True

    def learned(self, facts: Facts) -> State:
        return {"log_scale": torch.zeros(facts.tasks)}

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        return signals.learned["log_scale"].exp(), state

    def penalty(self, learned: State) -> Tensor:
        return -learned["log_scale"].sum(-1)
