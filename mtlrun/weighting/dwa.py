"""Dynamic weight average."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Facts, Signals, State, Weighting


@dataclass
class DWA(Weighting):
    """Dynamic weight average: tasks whose loss falls slowly weigh more.

    w = T * softmax(r / tau) with r_t = L_t(e-1) / L_t(e-2), the ratio of the task's mean losses over the last
    two epochs. Weights are 1 during the first two epochs and always sum to T.

    Cost: one backward pass a step.
    Source: Liu, Johns and Davison, End-to-End Multi-Task Learning with Attention, CVPR 2019, eq. 7.

    Args:
        tau: temperature; the larger, the more equal the weights.
    """

    watches_epochs: ClassVar[bool] = True
    any_leading_axes: ClassVar[bool] = True

    tau: float = 2.0

    def faults(self) -> Iterator[Fault]:
        if self.tau <= 0:
            yield Fault("tau", "must be above 0", self.tau)

    def init_state(self, facts: Facts) -> State:
        return {
            "sum": torch.zeros(facts.tasks),  # of this epoch's losses so far
            "count": torch.zeros(1),
            "last": torch.ones(facts.tasks),  # mean loss of the last epoch
            "ratio": torch.ones(facts.tasks),
            "epochs": torch.zeros(1),  # finished
        }

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        new = signals.new_epoch
        mean = state["sum"] / state["count"].clamp(min=1)
        epochs = state["epochs"] + new
        ratio = torch.where(new & (epochs >= 2), mean / state["last"].clamp(min=1e-12), state["ratio"])
        next_state = {
            "sum": torch.where(new, 0.0, state["sum"]) + signals.losses,
            "count": torch.where(new, 0.0, state["count"]) + 1,
            "last": torch.where(new, mean, state["last"]),
            "ratio": ratio,
            "epochs": epochs,
        }
        tau = torch.as_tensor(self.tau).unsqueeze(-1)
        return ratio.shape[-1] * torch.softmax(ratio / tau, -1), next_state
