"""SDMGrad: a common direction near a preferred one, from independent batches."""

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
class SDMGrad(Averaging):
    """Direction-oriented multi-objective descent: the least norm, regularised towards the mean gradient.

    Some projected steps with momentum, v = momentum v + A (w + lambda / T), w = project(w - lr v) on the
    simplex, where A is J1 J2' of two further, independent batches, over the squared mean of the gradients' norms
    sqrt(max(A_tt, 0)). w starts at 1/T and goes on from step to step. The weights used are
    (w + lambda / T) / (1 + lambda), on a third batch; they sum to 1. They apply to each task's own parameters too,
    where the authors' code leaves the gradients of these plain and sums them over the three batches. That code
    multiplies the shared gradient by T, as `reduction=sum` does, and keeps the gradients of all three batches in one
    tensor, so that A becomes the Gramian of the last.

    Steps as long as the default, which is the authors', overshoot and amplify round-off: over 20 of them a difference
    in A grew by up to 1e4 for two tasks and 1e6 for three or more. The same run on other hardware or with other
    kernels may then differ. With lr = 1 it grew by no more than 12, up to ten tasks.

    Gradients are of the parameters alone: the representations of two batches have no elements in common.

    Cost: 2 T + 1 backward and three forward passes a step.
    Source: Xiao, Ban and Ji, Direction-oriented Multi-objective Learning: Simple and Provable Stochastic
    Algorithms, NeurIPS 2023, eq. 5 and 6, algorithm 1; momentum and scale are the authors' code's.

    Args:
        strength: lambda, how strongly the direction is drawn to the mean gradient; 0.3 in the paper's experiments.
        lr: length of the weights' steps, above 0.
        momentum: in [0, 1).
        iterations: steps of the weights for each step of training.
        reduction: `mean`, or `sum` to multiply by T, as the sum of the losses is to their mean.
    """

    probe: ClassVar[Probe] = "cross_gramian"

    strength: float = 0.3
    lr: float = 10.0
    momentum: float = 0.5
    iterations: int = 20

    def faults(self) -> Iterator[Fault]:
        if self.strength < 0:
            yield Fault("strength", "must be 0 or more", self.strength)
        if self.lr <= 0:
            yield Fault("lr", "must be above 0", self.lr)
        if not 0 <= self.momentum < 1:
            yield Fault("momentum", "must be 0 or more and below 1", self.momentum)
        if self.iterations < 1:
            yield Fault("iterations", "must be 1 or more", self.iterations)

    def init_state(self, facts: Facts) -> State:
        return {"weights": torch.full((facts.tasks,), 1 / facts.tasks)}

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        weights = state["weights"]
        pull = self.strength / len(weights)
        if signals.probed is not None:  # None where nothing is shared
            matrix = _scaled(signals.probed)
            velocity = torch.zeros_like(weights)
            for _ in range(self.iterations):
                velocity = self.momentum * velocity + matrix @ (weights + pull)
                weights = nearest_on_simplex(weights - self.lr * velocity)
        return (weights + pull) / (1 + self.strength), {"weights": weights}


def _scaled(matrix: Tensor) -> Tensor:
    """Return the matrix over the squared mean of the norms that its diagonal tells."""
    norm = matrix.diagonal().clamp(min=0).sqrt().mean()
    # Independent batches may disagree on every task: then no norm is known, and the largest entry serves.
    norm = torch.where(norm > 0, norm, matrix.abs().amax().sqrt())
    norm = torch.where(norm > 0, norm, 1.0)
    return matrix / norm / norm
