"""MoDo: multi-objective weights from two independent batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Averaging, Facts, Probe, Signals, State
from mtlrun.weighting.simplex import nearest_on_simplex


@dataclass
class MoDo(Averaging):
    """One projected step of the weights a time, towards the least norm of the expected combined gradient.

    w = project(w - gamma (J1 J2' w + rho w)) on the simplex, with the task gradients J1 and J2 of two further,
    independent batches, whose product is free of the bias that a batch's own Gramian has. Weights start at 1/T
    and sum to 1. The step itself is taken on a third batch, with the weights just found, as LibMTL does and
    the authors' code can; in the paper it is taken on one of the two, with the weights before.
    Gradients are used as they are: gamma must suit their size. TorchJD has rho 0.1 where nothing is said.
    The weights apply to each task's own parameters too, where the authors' code leaves their gradients plain.

    Gradients are of the parameters alone: the representations of two batches have no elements in common.

    Cost: 2 T + 1 backward and three forward passes a step.
    Source: Chen, Fernando, Ying and Chen, Three-Way Trade-Off in Multi-Objective Learning: Optimization,
    Generalization and Conflict-Avoidance, NeurIPS 2023, algorithm 2 (JMLR 2024 with rho).

    Args:
        gamma: length of the weights' steps, above 0.
        rho: strength of a pull towards equal weights, from 0.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    probe: ClassVar[Probe] = "cross_gramian"

    gamma: float = 0.1
    rho: float = 0.0

    def faults(self) -> Iterator[Fault]:
        if self.gamma <= 0:
            yield Fault("gamma", "must be above 0", self.gamma)
        if self.rho < 0:
            yield Fault("rho", "must be 0 or more", self.rho)

    def init_state(self, facts: Facts) -> State:
        return {"weights": torch.full((facts.tasks,), 1 / facts.tasks)}

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        weights = state["weights"]
        if signals.probed is not None:  # None where nothing is shared
            slopes = signals.probed @ weights + self.rho * weights
            weights = nearest_on_simplex(weights - self.gamma * slopes)
        return weights, {"weights": weights}
