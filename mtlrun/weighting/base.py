"""What a weighting is: a rule that turns what one step of one run shows into one weight per task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from mtlrun.config import Configured

State = dict[str, Tensor]


class Signals(NamedTuple):
    """What one step of one run shows to a weighting; T tasks are trained. Nothing here needs a gradient.

    Attributes:
        losses: this batch's task losses, (T,).
        gramian: inner products of the task gradients with respect to the shared parameters, (T, T), for
            weightings that need it.
        draw: uniform random numbers of `random_shape`, from the run's own stream, for weightings that draw.
        learned: the weighting's own trained parameters, as declared by `learned`.
        new_epoch: (), true at the first step of every epoch but the first.
    """

    losses: Tensor
    gramian: Tensor | None
    draw: Tensor | None
    learned: State
    new_epoch: Tensor


@dataclass
class Weighting(Configured, ABC):
    """A rule for the task weights of one step.

    The step trains shared parameters on `sum_t w_t * gradient_t`. A weighting that needs only `losses` weighs
    each task's own parameters too, as the gradient of the weighted sum does; one that needs the `gramian`
    leaves them their own gradient.

    Written for one run and vectorised by the engine: no branch on values (`torch.where`), no item(), fixed
    iteration counts. Fields annotated float may differ between lanes and arrive as tensors.
    """

    needs: ClassVar[Literal["losses", "gramian"]] = "losses"
    any_leading_axes: ClassVar[bool] = False
    """Whether `weigh` and `penalty` also fit stacked tensors of R runs, (R, T); spares vmap. False is always safe."""

    def init_state(self, tasks: int) -> State:
        """Return what the weighting remembers between steps."""
        return {}

    def learned(self, tasks: int) -> State:
        """Return parameters that the run's optimizer trains along with the model."""
        return {}

    def random_shape(self, tasks: int) -> tuple[int, ...]:
        """Return the shape of the uniform numbers that one step draws; () for none."""
        return ()

    @abstractmethod
    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        """Return the task weights (T,) and the next state."""

    def penalty(self, learned: State) -> Tensor:
        """Return the scalar added to the objective for the learned parameters."""
        return torch.zeros(())
