"""Smooth Tchebycheff scalarisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Facts, Signals, State, Weighting

LEAST_LOSS = 1e-12  # what has no logarithm counts as this


@dataclass
class STCH(Weighting):
    """Smooth Tchebycheff: the task that is worst, relative to where it stood after a warm-up, weighs most.

    With r_t = log(L_t / nadir_t) the objective is T mu log sum_t exp(r_t / mu), a smooth maximum, so that
    w = T softmax(r / mu) / L. During the warm-up it is sum_t log L_t, w = 1 / L. nadir_t is the task's mean loss
    over the epoch that follows the first `warmup` ones; this epoch still trains as the warm-up. A run that is no
    longer than `warmup` + 1 epochs never leaves it. w_t L_t sums to T throughout; weights themselves have no
    constant sum. Losses count as at least 1e-12. The preference is uniform and the
    ideal loss 0, as in the authors' code, whose factor T and defaults these are.

    Cost: one backward pass a step.
    Source: Lin et al., Smooth Tchebycheff Scalarization for Multi-Objective Optimization, ICML 2024, its
    definition of smooth Tchebycheff scalarisation; log form and warm-up as in the authors' code.

    Args:
        mu: how smooth the maximum is; towards 0 the worst task alone is trained.
        warmup: epochs before the one whose mean losses are the nadir.
    """

    watches_epochs: ClassVar[bool] = True

    mu: float = 1.0
    warmup: int = 4

    def faults(self) -> Iterator[Fault]:
        if self.mu <= 0:
            yield Fault("mu", "must be above 0", self.mu)
        if self.warmup < 0:
            yield Fault("warmup", "must not be negative", self.warmup)

    def init_state(self, facts: Facts) -> State:
        return {
            "sum": torch.zeros(facts.tasks),  # of the losses of the epoch that measures the nadir
            "count": torch.zeros(()),
            "epoch": torch.zeros(()),  # from 0
        }

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        losses = signals.losses
        epoch = state["epoch"] + signals.new_epoch
        measures = epoch == self.warmup
        total = state["sum"] + torch.where(measures, losses, 0.0)
        count = state["count"] + measures
        nadir = (total / count.clamp(min=1)).clamp(min=LEAST_LOSS)
        losses = losses.clamp(min=LEAST_LOSS)
        share = len(losses) * torch.softmax((losses.log() - nadir.log()) / self.mu, 0)
        weights = torch.where(epoch > self.warmup, share, 1.0) / losses
        return weights, {"sum": total, "count": count, "epoch": epoch}
