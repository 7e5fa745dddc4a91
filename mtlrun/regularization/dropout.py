"""Dropout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mtlrun.errors import Fault
from mtlrun.regularization.base import Regularization


@dataclass
class Dropout(Regularization):
    """Dropout: in training every output of every block of an encoder is 0 with probability p, else divided by 1 - p.

    h' = h m / (1 - p), with m 1 where a uniform number is at least p, else 0; drawn for each example and, of images,
    for each pixel of each channel. Evaluations, and the values a run is selected and judged by, see the whole
    network. Behind every block of an encoder there is a mask, behind the last one too; inputs, heads, and what a
    sharing scheme adds (gates, adapters, masks of attention, lateral connections) have none.

    Masks come from the run's own streams, one for each block, named by the encoder and the block. So the
    baseline of a task and every multi-task run of its seed drop the same units in the same steps, whatever else is
    trained; `sharing=separate` stays exactly single-task training. For the same reason towers of several tasks, which
    begin with the same weights, drop alike, and so do several passes through a block in one step (inputs of
    several sources, tasks' adapters); experts with weights of their own have masks of their own.

    Differs from the paper: units are scaled up in training, not down in evaluation (the usual form today), and p
    is the part that is dropped, not kept. Convolutions have the same p as dense layers.

    Cost: a random number for every output of a block: about a third of a small step.
    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout: A Simple Way to Prevent Neural
    Networks from Overfitting, JMLR 15, 2014, section 4; scaled in training: section 10.

    Args:
        p: part of the outputs that is dropped, at least 0 and below 1.
    """

    active: ClassVar[bool] = False
    masks: ClassVar[bool] = True

    p: float = 0.2

    def faults(self) -> Iterator[Fault]:
        if not 0 <= self.p < 1:
            yield Fault("p", "must be at least 0 and below 1", self.p)

    def mask(self, draw: NDArray[np.float32]) -> NDArray[np.float32]:
        return (draw >= np.float32(self.p)) * np.float32(1 / (1 - self.p))
