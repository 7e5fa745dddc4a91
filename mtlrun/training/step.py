"""One training step: what a run does with a batch, vectorised over the lanes of a cohort.

Shape letters: R lanes, T trained tasks, B batch, P elements of what gradients are taken with respect to. Functions
named `one_*` are of one run and know of no lanes; `Program` lifts them over lanes. Lanes never meet: every root
of differentiation is a sum over lanes, so the gradient of a lane's parameters is its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from mtlrun.data.task import Task
from mtlrun.regularization.base import Regularization
from mtlrun.training.gradients import Tensors, flat, products, unflat, weighted_sum
from mtlrun.training.lift import lift, with_fields
from mtlrun.training.losses import LOSSES
from mtlrun.training.probes import PROBES
from mtlrun.training.stacked import Forward
from mtlrun.weighting.base import Aggregator, Signals, State, Weighting


class Examples(NamedTuple):
    """Inputs per source and targets per task, each (R, B, ...)."""

    inputs: list[Tensor]
    targets: list[Tensor]


class Batch(NamedTuple):
    """What one step consumes.

    Attributes:
        examples: of the step.
        extra: further examples, for weightings that ask for them.
        draw: random numbers of each lane, (R, ...), for weightings that draw.
        new_epoch: (), true at the first step of every epoch but the first.
    """

    examples: Examples
    extra: list[Examples]
    draw: Tensor | None
    new_epoch: Tensor


@dataclass
class Lanes:
    """What differs between lanes, stacked: every tensor is (R, ...).

    Attributes:
        parameters: of the model, by name.
        learned: parameters of the weighting.
        state: what the weighting remembers.
        weighting_fields: numbers of the weighting.
        regularization_fields: numbers of the regularisation.
        lr: learning rates, (R,).
        goal: for each task whether it counts, (R, T); helpers have 0.
    """

    parameters: Tensors
    learned: Tensors
    state: State
    weighting_fields: Tensors
    regularization_fields: Tensors
    lr: Tensor
    goal: Tensor


class Seen(NamedTuple):
    """A forward pass: losses (R,) by task, and on the representation what gradients are taken at."""

    losses: list[Tensor]
    subject: Tensors
    below: list[Tensor]  # the representations as the shared parameters made them


class Program:
    """What all lanes of a cohort have in common, for one phase of training.

    Args:
        forward: the network over lanes.
        owners: for each parameter the task that alone uses it, or None.
        tasks: all tasks of the suite.
        active: positions of the tasks that the phase trains.
        freeze_shared: whether the phase leaves shared parameters as they are.
        weighting: gives the program; numbers come from `Lanes.weighting_fields`.
        regularization: likewise.
        lanes: R; one lane runs without vmap.
    """

    def __init__(
        self,
        forward: Forward,
        owners: Mapping[str, int | None],
        tasks: Sequence[Task],
        active: Sequence[int],
        freeze_shared: bool,
        weighting: Weighting,
        regularization: Regularization,
        lanes: int,
    ) -> None:
        self.forward, self.owners, self.tasks, self.active = forward, owners, tasks, tuple(active)
        self.weighting, self.regularization = weighting, regularization
        alone = len(self.active) == 1  # what is shared in principle is the one task's own in this phase
        self.shared = [
            n for n, owner in self.owners.items() if owner is None and not freeze_shared and not alone
        ]
        self.private = [
            [n for n, o in self.owners.items() if o == t or (o is None and alone and not freeze_shared)]
            for t in self.active
        ]
        self.surgery = bool(self.shared) and weighting.needs != "losses"
        self.on_representation = self.surgery and weighting.on == "representation"
        stacks = weighting.any_leading_axes
        self._weigh = self.one_weigh if stacks else lift(self.one_weigh, lanes)
        self._weighting_penalty = weighting.penalty if stacks else lift(weighting.penalty, lanes)
        self._aggregate = lift(self.one_aggregate, lanes)
        self._after = lift(self.one_after, lanes)
        self._standing = lift(self.one_standing, lanes)
        self._penalty = lift(self.one_penalty, lanes)
        self._probe = PROBES.get(weighting.probe)

    def one_weigh(self, fields: Tensors, signals: Signals, state: State) -> tuple[Tensor, State]:
        """Return one run's task weights, (T,), and the weighting's next state."""
        return with_fields(self.weighting, fields).weigh(signals, state)

    def one_aggregate(
        self, fields: Tensors, jacobian: Tensor, signals: Signals, state: State
    ) -> tuple[Tensor, Tensor, State]:
        """Return one run's shared gradient (P,), the task weights that stand for it (T,), and the next state."""
        aggregator: Aggregator = with_fields(self.weighting, fields)
        return aggregator.aggregate(jacobian, signals, state)

    def one_after(self, fields: Tensors, losses: Tensor, state: State) -> State:
        """Return the weighting's next state from the losses (T,) that the update left on its batch."""
        return with_fields(self.weighting, fields).after(losses, state)

    def one_standing(self, fields: Tensors, state: State) -> Tensor:
        """Return one run's task weights (T,) before the step."""
        return with_fields(self.weighting, fields).standing(state)

    def one_penalty(self, fields: Tensors, parameters: Tensors) -> Tensor:
        """Return one run's regularisation penalty, a scalar."""
        return with_fields(self.regularization, fields).penalty(parameters, self.owners)

    def gradients(self, lanes: Lanes, batch: Batch) -> tuple[Tensors, Tensor, Tensor]:
        """Return the gradient of every trained parameter, the losses (R, T) and the task weights (R, T).

        The weighting's state in `lanes` moves on by one step.
        """
        probed = self._probe(self, lanes, batch) if self._probe and self.shared else None
        seen = self.see(batch.examples)
        losses = torch.stack([loss.detach() for loss in seen.losses], 1)
        signals = Signals(losses, None, batch.draw, lanes.learned, batch.new_epoch, probed)
        gradients: Tensors = {}
        roots: list[tuple[Tensor, Tensor]] = []  # what is differentiated, and with which cotangent
        if self.surgery:
            by_task = self.task_gradients(lanes, seen)
            combined, weights = self.combine(lanes, signals, by_task)
            for private, own in zip(self.private, by_task, strict=True):
                gradients |= {name: own[name] for name in private}
            if self.on_representation:
                roots += zip(seen.below, combined.values(), strict=True)
            else:
                gradients |= combined
        else:
            weights = self.loss_weights(lanes, signals)
            roots += zip(seen.losses, weights.detach().unbind(1), strict=True)
        for name, gradient in self.differentiate(lanes, roots, weights, losses).items():
            gradients[name] = gradients[name] + gradient if name in gradients else gradient
        return gradients, losses, weights.detach()

    def see(self, examples: Examples) -> Seen:
        """Return a forward pass of all lanes, for differentiation."""
        below: list[Tensor] = []
        subject: Tensors = {}
        if self.on_representation:
            below = self.forward.represent(examples.inputs)
            subject = {f"representation {k}": z.detach().requires_grad_() for k, z in enumerate(below)}
            outputs = self.forward.finish(list(subject.values()))
        else:
            outputs = self.forward(examples.inputs)
        losses = [LOSSES[self.tasks[t].kind](outputs[t], examples.targets[t]) for t in self.active]
        return Seen(losses, subject, below)

    def loss_weights(self, lanes: Lanes, signals: Signals) -> Tensor:
        """Return the task weights (R, T) of a weighting that differentiates the weighted sum."""
        if self.weighting.needs != "losses":  # nothing is shared: every task its own gradient
            return torch.ones_like(signals.losses)
        weights, lanes.state = self._weigh(lanes.weighting_fields, signals, lanes.state)
        return weights

    def task_gradients(self, lanes: Lanes, seen: Seen) -> list[Tensors]:
        """Return each task's gradient at the subject of surgery and of the task's own parameters."""
        leaves = self.forward.leaves
        subject = {} if seen.subject else {n: leaves[n] for n in self.shared}
        by_task = []
        for position, private in enumerate(self.private):
            wanted = seen.subject | subject | {n: leaves[n] for n in private}
            found = torch.autograd.grad(
                seen.losses[position].sum(),
                list(wanted.values()),
                retain_graph=position + 1 < len(self.private),
                materialize_grads=True,
            )
            own = dict(zip(wanted, found, strict=True))
            by_task.append({n: own.pop(n) for n in seen.subject} | self.forward.join(own))
        return by_task

    def combine(self, lanes: Lanes, signals: Signals, by_task: Sequence[Tensors]) -> tuple[Tensors, Tensor]:
        """Return one gradient from the tasks' at the subject of surgery, and the task weights (R, T)."""
        names = [n for n in by_task[0] if all(n in gradients for gradients in by_task)]
        if self.weighting.needs == "jacobian":
            jacobian = torch.stack([flat(gradients, names) for gradients in by_task], 1)
            found = self._aggregate(lanes.weighting_fields, jacobian, signals, lanes.state)
            update, weights, lanes.state = found
            return unflat(update, {n: by_task[0][n] for n in names}), weights
        signals = signals._replace(gramian=products(by_task, by_task, names))
        weights, lanes.state = self._weigh(lanes.weighting_fields, signals, lanes.state)
        return weighted_sum(by_task, weights.detach(), names), weights

    def differentiate(
        self, lanes: Lanes, roots: list[tuple[Tensor, Tensor]], weights: Tensor, losses: Tensor
    ) -> Tensors:
        """Return the gradients of the roots, of the penalties, and of what the weighting learns."""
        if lanes.learned:
            objective = (weights * losses).sum() + self._weighting_penalty(lanes.learned).sum()
            roots.append((objective, torch.ones_like(objective)))
        if self.regularization.active:
            parameters = self.forward.join(self.forward.leaves)
            objective = self._penalty(lanes.regularization_fields, parameters).sum()
            roots.append((objective, torch.ones_like(objective)))
        roots = [(root, cotangent) for root, cotangent in roots if root.requires_grad]
        if not roots:
            return {}
        trained = [*self.shared, *(n for names in self.private for n in names)]
        wanted = {n: self.forward.leaves[n] for n in trained} | lanes.learned
        values, cotangents = zip(*roots, strict=True)
        found = torch.autograd.grad(values, list(wanted.values()), cotangents, allow_unused=True)
        named = {n: g for n, g in zip(wanted, found, strict=True) if g is not None}
        learned = {n: named.pop(n) for n in lanes.learned if n in named}
        return self.forward.join(named) | learned

    def gramian(self, lanes: Lanes, examples: Examples) -> Tensor:
        """Return the inner products of the tasks' gradients of the shared parameters, (R, T, T)."""
        by_task = self.task_gradients(lanes, Seen(self.see(examples).losses, {}, []))
        return products(by_task, by_task, self.shared)

    def standing_weights(self, lanes: Lanes) -> Tensor:
        """Return the task weights before the step, (R, T)."""
        return self._standing(lanes.weighting_fields, lanes.state)

    def watch(self, lanes: Lanes, batch: Batch) -> None:
        """Show the weighting the losses that the update left on its batch, if it wants to see them."""
        if self.weighting.watches_update:
            with torch.no_grad():
                losses = torch.stack(self.see(batch.examples).losses, 1)
            lanes.state = self._after(lanes.weighting_fields, losses, lanes.state)
