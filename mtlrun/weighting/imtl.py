"""IMTL: impartial losses and impartial gradients together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.weighting.base import Averaging, Facts, GramianWeighting, Signals, State
from mtlrun.weighting.imtl_g import equal_projections


@dataclass
class IMTL(Averaging, GramianWeighting):
    """Impartial multi-task learning: `imtl_g` on the gradients of losses that trained factors scale.

    Each task has a trained s_t, from 0, with the objective sum_t exp(s_t) loss_t - s_t, so that for a constant
    loss exp(s_t) tends to 1 / loss_t. The shared gradient is sum_t a_t exp(s_t) g_t with a as in `imtl_g` for
    the gradients exp(s_t) g_t. The weights reported are a_t exp(s_t); their direction is that of `imtl_g`, their
    length follows s. Each task's own parameters get the gradient of its plain loss (in the paper: times
    exp(s_t), which an optimizer like Adam does not see).

    Cost: T backward passes a step; at the representation T through the heads and one below it.
    Source: Liu et al., Towards Impartial Multi-task Learning, ICLR 2021, eq. 5 and 8, algorithm 1.

    Args:
        gradients_at: gradients of the shared parameters, or of the shared representation.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    def learned(self, facts: Facts) -> State:
        return {"log_scale": torch.zeros(facts.tasks)}

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        gramian = signals.gramian
        assert gramian is not None
        scales = torch.exp(signals.learned["log_scale"])
        fixed = scales.detach()
        weights = equal_projections(gramian * fixed.unsqueeze(0) * fixed.unsqueeze(1)) * fixed
        # The value of the weights with the slope of exp(s): the engine's sum of weights times losses then trains
        # s on sum_t exp(s_t) loss_t, as the paper does.
        return weights.detach() + scales - fixed, state

    def penalty(self, learned: State) -> Tensor:
        return -learned["log_scale"].sum(-1)
