"""Fast adaptive multi-task optimisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.adam import adam_start, adam_step
from mtlrun.weighting.base import Averaging, Facts, Signals, State

EPS = 1e-8  # keeps the logarithm of a loss of 0 finite


@dataclass
class FAMO(Averaging):
    """FAMO: the task whose loss fell least, relative to its size, gains weight; one backward pass only.

    w_t is proportional to z_t / (L_t - least), z = softmax(logits); weights sum to 1. After the update the
    losses of the same batch are taken again, at the cost of a forward pass, and the logits take a step of
    their own Adam along the gradient of z'd + decay/2 |logits|^2 with
    d_t = log(L_t before - least) - log(L_t after - least). Losses less `least` count as at least 1e-8.

    Cost: one backward and two forward passes a step.
    Source: Liu, Feng, Stone and Liu, FAMO: Fast Adaptive Multitask Optimization, NeurIPS 2023, algorithm 1; Adam
    as in the authors' code, without its clipping of gradients; its decay is 0.01, that of LibMTL and TorchJD 0.001.

    Args:
        lr: learning rate of the logits.
        decay: how strongly the logits are drawn to 0, gamma in the paper.
        least: a value that no loss falls below.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    watches_update: ClassVar[bool] = True
    any_leading_axes: ClassVar[bool] = True

    lr: float = 0.025
    decay: float = 1e-3
    least: float = 0.0

    def faults(self) -> Iterator[Fault]:
        for key in ("lr", "decay"):
            if getattr(self, key) < 0:
                yield Fault(key, "must not be negative", getattr(self, key))

    def init_state(self, facts: Facts) -> State:
        zeros = torch.zeros(facts.tasks)
        return {"logits": zeros, "before": zeros, **adam_start(facts.tasks)}

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        room = self._room(signals.losses)
        weights = torch.softmax(state["logits"], -1) / room
        return weights / weights.sum(-1, keepdim=True), {**state, "before": room.log()}

    def after(self, losses: Tensor, state: State) -> State:
        fall = state["before"] - self._room(losses).log()
        z = torch.softmax(state["logits"], -1)
        logits = state["logits"]
        gradient = z * (fall - (z * fall).sum(-1, keepdim=True)) + _by_task(self.decay, z) * logits
        direction, memory = adam_step(gradient, state)
        return {"logits": logits - _by_task(self.lr, z) * direction, "before": state["before"], **memory}

    def _room(self, losses: Tensor) -> Tensor:
        """Return how far the losses, (T,) or (R, T), are above what they can fall to."""
        return (losses - _by_task(self.least, losses)).clamp(min=0) + EPS


def _by_task(number: float | Tensor, like: Tensor) -> Tensor:
    """Return a number, or one of each run (R,), with an axis for tasks, of the type of another tensor."""
    return torch.as_tensor(number, dtype=like.dtype, device=like.device).unsqueeze(-1)
