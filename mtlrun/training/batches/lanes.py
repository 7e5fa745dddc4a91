"""What a step works on: examples, batches, and what differs between the lanes of a cohort.

Shape letters: R lanes, T trained tasks, B batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from mtlrun.training.objective.gradients import Tensors
from mtlrun.training.vectorize.strategy_groups import Own


class Examples(NamedTuple):
    """Inputs per source, targets per task, and masks of the network by name, each (R, B, ...)."""

    inputs: list[Tensor]
    targets: list[Tensor]
    masks: Tensors


class Batch(NamedTuple):
    """What one step consumes.

    Attributes:
        examples: of the step.
        extra: further examples, for weightings that ask for them.
        draws: for each rules random numbers of their lanes, (R, ...), or None.
        new_epoch: (), true at the first step of every epoch but the first.
    """

    examples: Examples
    extra: list[Examples]
    draws: list[Tensor | None]
    new_epoch: Tensor


@dataclass
class Lanes:
    """What differs between lanes, stacked: every tensor is (R, ...).

    Attributes:
        parameters: of the model, by name.
        own: of each rules' lanes.
        lr: learning rates, (R,).
        goal: for each task whether it counts, (R, T); helpers have 0.
        last: the last loss of each trained task on a batch with labels of it, (R, T), 1 before the first.
        statistics: running statistics of the model by name; every phase's lanes have the same tensors.
    """

    parameters: Tensors
    own: list[Own]
    lr: Tensor
    goal: Tensor
    last: Tensor
    statistics: Tensors = field(default_factory=dict)


class Seen(NamedTuple):
    """A forward pass: losses by task, (R,) or of a lone lane (), and what gradients are taken at."""

    losses: list[Tensor]
    subject: Tensors
    below: list[Tensor]  # the representations as the shared parameters made them
    sides: list[list[Tensor]]  # features by task, the shared and the tasks' own; or nothing
    statistics: Tensors  # running ones, as the pass leaves them
