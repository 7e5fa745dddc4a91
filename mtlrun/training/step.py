"""One training step: what a run does with a batch, vectorised over the lanes of a cohort.

Shape letters: R lanes, T trained tasks, B batch. Functions named `one_*` are of one run and know of no lanes;
`Program` lifts them over lanes. Lanes never meet: the objective below is a sum over lanes, so the gradient of a
lane's parameters is its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mtlrun.data.task import Task
from mtlrun.regularization.base import Regularization
from mtlrun.training.losses import LOSSES
from mtlrun.training.stacked import Forward
from mtlrun.weighting.base import Signals, State, Weighting

Tensors = dict[str, Tensor]


class Batch(NamedTuple):
    """What one step consumes: per source (R, B, ...), per task (R, B, ...), per lane draws, epoch flag ()."""

    inputs: list[Tensor]
    targets: list[Tensor]
    draw: Tensor | None
    new_epoch: Tensor


@dataclass
class Lanes:
    """What differs between lanes, stacked: every tensor is (R, ...)."""

    parameters: Tensors
    learned: Tensors
    state: State
    weighting_fields: Tensors
    regularization_fields: Tensors


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
        stacks = weighting.any_leading_axes
        self._weigh = self.one_weigh if stacks else lift(self.one_weigh, lanes)
        self._weighting_penalty = weighting.penalty if stacks else lift(weighting.penalty, lanes)
        self._penalty = lift(self.one_penalty, lanes)

    def one_weigh(self, fields: Tensors, signals: Signals, state: State) -> tuple[Tensor, State]:
        """Return one run's task weights, (T,), and the weighting's next state."""
        return with_fields(self.weighting, fields).weigh(signals, state)

    def one_penalty(self, fields: Tensors, parameters: Tensors) -> Tensor:
        """Return one run's regularisation penalty, a scalar."""
        return with_fields(self.regularization, fields).penalty(parameters, self.owners)

    def gradients(self, lanes: Lanes, batch: Batch) -> tuple[Tensors, Tensor, Tensor]:
        """Return the gradient of every trained parameter, the losses (R, T) and the task weights (R, T).

        The weighting's state in `lanes` moves on by one step.
        """
        losses = self.losses(batch)
        surgery = self.weighting.needs == "gramian" and bool(self.shared)
        by_task = self.task_gradients(lanes, losses) if surgery else []
        gramian = self.gramian(by_task) if surgery else None
        seen = losses.detach()
        if surgery or self.weighting.needs == "losses":
            signals = Signals(seen, gramian, batch.draw, lanes.learned, batch.new_epoch)
            weights, lanes.state = self._weigh(lanes.weighting_fields, signals, lanes.state)
        else:
            weights = torch.ones_like(seen)  # nothing is shared: every task its own gradient

        # What is left for one backward pass: everything, or under surgery only penalties and learned weights.
        objective = (weights * (seen if surgery else losses)).sum()
        if lanes.learned:
            objective = objective + self._weighting_penalty(lanes.learned).sum()
        if self.regularization.active:
            objective = objective + self._penalty(lanes.regularization_fields, lanes.parameters).sum()
        gradients: Tensors = {}
        if objective.requires_grad:
            wanted = {
                n: lanes.parameters[n] for n in [*self.shared, *(n for names in self.private for n in names)]
            } | lanes.learned
            found = torch.autograd.grad(objective, list(wanted.values()), allow_unused=True)
            gradients = {n: g for n, g in zip(wanted, found, strict=True) if g is not None}
        if surgery:
            self.add_combined(gradients, by_task, weights.detach())
        return gradients, seen, weights.detach()

    def losses(self, batch: Batch) -> Tensor:
        """Return every lane's task losses, (R, T), for differentiation."""
        outputs = self.forward(batch.inputs)
        kinds = [(t, LOSSES[self.tasks[t].kind]) for t in self.active]
        return torch.stack([loss(outputs[t], batch.targets[t]) for t, loss in kinds], 1)

    def task_gradients(self, lanes: Lanes, losses: Tensor) -> list[Tensors]:
        """Return each task's gradient of the shared and of its own parameters."""
        by_task = []
        for position, private in enumerate(self.private):
            names = [*self.shared, *private]
            found = torch.autograd.grad(
                losses[:, position].sum(),
                [lanes.parameters[n] for n in names],
                retain_graph=position + 1 < len(self.private),
                materialize_grads=True,
            )
            by_task.append(dict(zip(names, found, strict=True)))
        return by_task

    def gramian(self, by_task: Sequence[Tensors]) -> Tensor:
        """Return the inner products of the tasks' shared gradients, (R, T, T)."""
        tasks = range(len(by_task))
        entries: dict[tuple[int, int], Tensor] = {}
        for name in self.shared:
            rows = [_rows(gradients[name]) for gradients in by_task]
            for i in tasks:
                for j in tasks[: i + 1]:
                    product = torch.bmm(rows[i].unsqueeze(1), rows[j].unsqueeze(2)).squeeze(2)
                    entries[i, j] = entries[i, j] + product if (i, j) in entries else product
        return torch.stack([torch.cat([entries[max(i, j), min(i, j)] for j in tasks], 1) for i in tasks], 1)

    def add_combined(self, gradients: Tensors, by_task: Sequence[Tensors], weights: Tensor) -> None:
        """Add sum_t w_t g_t for the shared parameters, and each task's own gradient for its own."""
        for name in self.shared:
            first = by_task[0][name]
            shape = (len(first),) + (1,) * (first.dim() - 1)
            combined = first * weights[:, 0].view(shape)
            for position in range(1, len(by_task)):
                combined = combined.addcmul_(by_task[position][name], weights[:, position].view(shape))
            gradients[name] = gradients[name] + combined if name in gradients else combined
        for private, own in zip(self.private, by_task, strict=True):
            for name in private:
                gradients[name] = gradients[name] + own[name] if name in gradients else own[name]


def _rows(gradient: Tensor) -> Tensor:
    """Return a gradient (R, ...) as (R, P), in the order of memory: any order serves inner products."""
    return (gradient.mT if gradient.dim() == 3 else gradient).reshape(len(gradient), -1)


def with_fields(template: Any, fields: Mapping[str, Tensor]) -> Any:
    """Return a copy of a strategy whose numbers are one lane's tensors."""
    if not fields:
        return template
    method = copy.copy(template)
    vars(method).update(fields)
    return method


def lift(function: Callable[..., Any], lanes: int) -> Callable[..., Any]:
    """Return a function of one run as a function of R lanes: every tensor gains a leading axis.

    The epoch flag of `Signals`, a tensor without axes, is the same for all lanes. One lane needs no vmap.
    """
    if lanes == 1:
        return lambda *args: _map(
            lambda x: x.unsqueeze(0), function(*_map(lambda x: x.squeeze(0) if x.dim() else x, args))
        )

    def lifted(*args: Any) -> Any:
        in_dims = tuple(_map(lambda x: 0 if x.dim() else None, arg) for arg in args)
        return torch.vmap(function, in_dims=in_dims)(*args)

    return lifted


def _map(function: Callable[[Tensor], Any], tree: Any) -> Any:
    """Apply a function to every tensor of nested dicts, lists and tuples; other leaves become None."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return {k: _map(function, v) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        items = [_map(function, v) for v in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return None
