"""What a weighting is: a rule that turns what one step of one run shows into one weight per task."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from mtlrun.config import ADDED, FORMERLY, Configured

State = dict[str, Tensor]
Needs = Literal["losses", "gramian", "jacobian"]
Probe = Literal["none", "cross_gramian", "validation_slopes"]
GradientsAt = Literal["parameters", "representation"]
Reduction = Literal["mean", "sum"]


class Facts(NamedTuple):
    """What a weighting may know of a run before it begins.

    Attributes:
        tasks: T, how many tasks are trained.
        elements: P, how many shared parameters there are.
        rows: training rows of each task.
        goal: for each task 1 where it counts, 0 where it is there to help (`suite.primary`).
    """

    tasks: int
    elements: int = 0
    rows: tuple[int, ...] = ()
    goal: tuple[float, ...] = ()


class Signals(NamedTuple):
    """What one step of one run shows to a weighting; T tasks are trained. Nothing here needs a gradient.

    Attributes:
        losses: this batch's task losses, (T,).
        gramian: inner products of the task gradients, (T, T), for weightings that need it.
        draw: uniform random numbers of `random_shape`, from the run's own stream, for weightings that draw.
        learned: the weighting's own trained parameters, as declared by `learned`.
        new_epoch: (), true at the first step of every epoch but the first.
        probed: what `probe` asks for: the cross-Gramian (T, T) or the validation slopes (T,).
    """

    losses: Tensor
    gramian: Tensor | None
    draw: Tensor | None
    learned: State
    new_epoch: Tensor
    probed: Tensor | None = None


@dataclass
class Weighting(Configured, ABC):
    """A rule for the task weights of one step.

    The step trains shared parameters on `sum_t w_t * gradient_t`. A weighting that needs only `losses` weighs
    each task's own parameters too, as the gradient of the weighted sum does; one that needs the `gramian` or the
    `jacobian` leaves them their own gradient.

    Written for one run and vectorised by the engine: no branch on values (`torch.where`), no item(), fixed
    iteration counts. Fields annotated float may differ between lanes and arrive as tensors.

    Attributes:
        needs: which gradients `weigh` gets to see: none with `losses`, their inner products with `gramian`. An
            `Aggregator` needs the whole `jacobian`.
        gradients_at: what gradients are taken with respect to: the shared `parameters`, or the shared
            `representation`, the output of the last shared layer for the batch. A method that works
            on both declares it as a field.
        probe: what the step finds out on further examples of the training part first: `none`;
            `cross_gramian`: inner products of task gradients on two further, independent batches; or
            `validation_slopes`: how each task's loss changes along the gradient of held-out loss (see
            `mtlrun.training.loop.probes`).
        watches_update: whether `after` is called with the losses that the update left on its batch, at the cost
            of a second forward pass.
        watches_epochs: whether `weigh` looks at `Signals.new_epoch`. A loop of the user's own then has to say how
            many steps an epoch has.
        any_leading_axes: whether `weigh`, `after` and `penalty` also fit stacked tensors of R runs, (R, T); spares
            vmap. False is always safe.
        one_by_one: whether lanes are taken one after another, for code that branches on values. Slow: a last resort
            for other packages' code.
    """

    needs: ClassVar[Needs] = "losses"
    gradients_at = "parameters"
    probe: ClassVar[Probe] = "none"
    watches_update: ClassVar[bool] = False
    watches_epochs: ClassVar[bool] = False
    any_leading_axes: ClassVar[bool] = False
    one_by_one: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Refuse the former name of `gradients_at`, which nothing would heed any more.

        Raises:
            TypeError: the class has it.
        """
        super().__init_subclass__()
        if "on" in vars(cls) or "on" in inspect.get_annotations(cls):
            raise TypeError(f"{cls.__name__} declares `on`, which is called `gradients_at`: rename it")

    def init_state(self, facts: Facts) -> State:
        """Return what the weighting remembers between steps."""
        return {}

    def learned(self, facts: Facts) -> State:
        """Return parameters that the run's optimizer trains along with the model."""
        return {}

    def constant(self, tasks: int) -> tuple[float, ...] | None:
        """Return the weights of T tasks where they are the same in every step of every run; else None."""
        return None

    def random_shape(self, tasks: int) -> tuple[int, ...]:
        """Return the shape of the uniform numbers that one step draws; () for none."""
        return ()

    @abstractmethod
    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        """Return the task weights (T,) and the next state."""

    def standing(self, state: State) -> Tensor:
        """Return the task weights (T,) before this step, for `probe = validation_slopes`."""
        raise NotImplementedError(f"{type(self).__name__} declares probe={self.probe!r}: it calls `standing`")

    def after(self, losses: Tensor, state: State) -> State:
        """Return the next state, given the losses (T,) that the update left on its batch."""
        raise NotImplementedError(f"{type(self).__name__} declares `watches_update`, which calls `after`")

    def penalty(self, learned: State) -> Tensor:
        """Return the scalar added to the objective for the learned parameters."""
        return torch.zeros(())

    def reduced(self, values: Tensor, tasks: int) -> Tensor:
        """Return task weights, or the shared gradient, of T tasks at the scale that the settings ask for."""
        return values


@dataclass
class Averaging(Weighting):
    """A weighting on the scale of the tasks' mean: for equal tasks the weights sum to 1, not to T as with `equal`.

    Args:
        reduction: `mean`, or `sum`: weights and shared gradient times T, on the scale of the sum of the losses.
    """

    reduction: Reduction = field(default="mean", kw_only=True, metadata=ADDED)

    def reduced(self, values: Tensor, tasks: int) -> Tensor:
        if self.reduction == "mean":
            return values
        return values + (tasks - 1) * values.detach()  # what is learned keeps its slope


@dataclass
class GramianWeighting(Weighting):
    """A rule for the task weights from inner products of gradients, of the parameters or of the representation.

    Args:
        gradients_at: what gradients are taken at: the shared `parameters` or the `representation`.
    """

    needs: ClassVar[Needs] = "gramian"

    gradients_at: GradientsAt = field(default="parameters", kw_only=True, metadata={FORMERLY: "on"})


@dataclass
class Aggregator(Weighting):
    """A rule for the shared gradient itself, from all task gradients."""

    needs: ClassVar[Needs] = "jacobian"

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        """Return 1 for every task: where nothing is shared there is nothing to aggregate."""
        return torch.ones_like(signals.losses), state

    @abstractmethod
    def aggregate(self, jacobian: Tensor, signals: Signals, state: State) -> tuple[Tensor, Tensor, State]:
        """Return the shared gradient (P,) from the task gradients (T, P), weights to report (T,), next state."""
