"""Fixed task weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Signals, State, Weighting


@dataclass
class Static(Weighting):
    """Fixed weights, one per task in the order of `suite.tasks`: linear scalarisation.

    The weights are used as given, w_t * loss_t; weights (1, 1) are `equal`.

    Args:
        weights: one number per task, none negative and not all 0; one number means the same for every
            task.
    """

    weights: float | list[float] = 1.0

    def faults(self) -> Iterator[Fault]:
        given = self.weights if isinstance(self.weights, list) else [self.weights]
        if not given or min(given) < 0 or max(given) == 0:
            yield Fault("weights", "must not be negative, nor all 0", self.weights)

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        return torch.as_tensor(self.weights).expand_as(signals.losses), state
