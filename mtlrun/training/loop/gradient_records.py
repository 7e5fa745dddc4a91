"""Records the tasks' gradients of some steps. It reads parameters and batches, draws nothing and changes nothing.

Shape letters: R lanes, L layers, T trained tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, Protocol

import torch
from torch import Tensor

from mtlrun.diagnostics.conflict import mean_curvature
from mtlrun.diagnostics.record import Record, of_evaluations, of_steps
from mtlrun.training.batches.lanes import Batch, Examples, Lanes, Seen
from mtlrun.training.objective.gradients import Tensors, products
from mtlrun.training.runtime.state_tree import Tree
from mtlrun.training.vectorize.stacked import Forward

MOST_TASKS = 10
"""Most tasks of a suite that is recorded by layer: the pairs of more would fill the store."""

QUANTITIES = ("weights", "gramian", "curvature")
HELD = 64  # records that stay on the device at a time


class Differentiable(Protocol):
    """What is asked of the program of a step (`mtlrun.training.loop.step.Program`)."""

    forward: Forward
    active: tuple[int, ...]
    shared: list[str]
    trained: list[str]

    def see(self, lanes: Lanes, examples: Examples, whole: bool = False) -> Seen:
        """Return a forward pass."""


class GradientRecords:
    """The records of a cohort.

    Args:
        every: steps from one record to the next, beside those of evaluations; 0 for none at all, None for these only.
        layers: by name of each shared parameter that of its layer.
        names: of each lane's tasks.
    """

    def __init__(self, every: int | None, layers: Mapping[str, str], names: Sequence[Sequence[str]]) -> None:
        self._every, self._names = every, names
        self._layers = layers if len(names[0]) <= MOST_TASKS else {}
        self._records: list[Record] = []
        self._evaluated: list[Record] = []
        self._held: list[Record] = []
        self._open: _Open | None = None

    def before(self, program: Differentiable, lanes: Lanes, batch: Batch, step: int, evaluated: bool) -> None:
        """Look at the gradients that a step begins with, if it is to be recorded.

        Args:
            program: of the step.
            lanes: as they stand.
            batch: of the step.
            step: how many are done after it.
            evaluated: whether an evaluation follows.
        """
        due = self._every != 0 and (evaluated or (self._every is not None and step % self._every == 0))
        self._open = _Open(program, lanes, batch, step, evaluated, self._layers) if due else None

    def after(self, weights: Tensor) -> None:
        """Keep what was seen of the step, now that it is done with task weights (R, T)."""
        if self._open is None:
            return
        record = self._open.finished(weights)
        if self._open.evaluated:
            self._evaluated.append(record)
        if record.gramian is not None:
            self._records.append(record)
        self._hold(record)
        self._open = None

    def _hold(self, record: Record) -> None:
        """Bring records to memory, many at a time: each waits for the device."""
        self._held.append(record)
        if len(self._held) >= HELD:
            self._fetch()

    def _fetch(self) -> None:
        for record in self._held:
            record.weights = record.weights.cpu()
            record.gramian = None if record.gramian is None else record.gramian.cpu()
            record.curvature = None if record.curvature is None else record.curvature.cpu()
        self._held = []

    def state(self) -> Tree:
        """Return the records so far: those of the same tasks and quantities together, for there may be many."""
        self._fetch()
        alike: dict[Kind, list[Record]] = {}
        for record in {id(r): r for r in [*self._evaluated, *self._records]}.values():
            kind = (record.active, record.gramian is not None, record.curvature is not None)
            alike.setdefault(kind, []).append(record)
        evaluated = [record.step for record in self._evaluated]
        return {"evaluated": evaluated, "records": [_stacked(*pair) for pair in alike.items()]}

    def load(self, state: Tree) -> None:
        """Go on from the records of a state."""
        records = [record for alike in state["records"] for record in _unstacked(alike)]
        records.sort(key=lambda record: record.step)
        evaluated = set(state["evaluated"])
        self._evaluated = [record for record in records if record.step in evaluated]
        self._records = [record for record in records if record.gramian is not None]

    def told(self) -> list[dict[str, Any]]:
        """Return for each lane what the store keeps (`mtlrun.diagnostics.record`)."""
        if self._every == 0:
            return [{} for _ in self._names]
        self._fetch()
        layers = list(dict.fromkeys(self._layers.values()))
        steps = of_steps(self._records, self._names, layers)
        evaluations = of_evaluations(self._evaluated, len(self._names))
        return [{**one, "gradients": other} for one, other in zip(evaluations, steps, strict=True)]


Kind = tuple[tuple[int, ...], bool, bool]
"""The tasks of a record, and whether it has a Gramian and a curvature."""


def _stacked(kind: Kind, records: Sequence[Record]) -> Tree:
    """Return records of one kind as one tensor for each quantity, records along the first axis."""
    quantities = {name: [getattr(record, name) for record in records] for name in QUANTITIES}
    stacked = {name: None if q[0] is None else torch.stack(q) for name, q in quantities.items()}
    return {"active": list(kind[0]), "steps": [record.step for record in records], **stacked}


def _unstacked(state: Tree) -> list[Record]:
    """Return the records of `_stacked`, in memory."""
    parts: list[Any] = [state[name] for name in QUANTITIES]
    found = [repeat(None) if part is None else part.cpu().unbind(0) for part in parts]
    return [
        Record(step, tuple(state["active"]), *each)
        for step, *each in zip(state["steps"], *found, strict=False)
    ]


class _Open:
    """A step that is being recorded, from before its update to after."""

    def __init__(
        self,
        program: Differentiable,
        lanes: Lanes,
        batch: Batch,
        step: int,
        evaluated: bool,
        layers: Mapping[str, str],
    ) -> None:
        self._program, self._lanes, self._examples = program, lanes, batch.examples
        self.evaluated = evaluated
        self._record = Record(step, program.active, torch.empty(0), None)
        if len(program.active) < 2 or not program.shared:
            return
        by_task = shared_gradients(program, lanes, batch.examples)
        self._record.gramian = layer_products(by_task, layers)
        if evaluated:
            self._gradient = _total(by_task)
            kept = {n: lanes.parameters[n].detach().clone() for n in program.trained}
            self._parameters = {**lanes.parameters, **kept}

    def finished(self, weights: Tensor) -> Record:
        """Return the record, after the update that the step made with task weights (R, T)."""
        self._record.weights = weights.detach().clone()
        if self.evaluated and self._record.gramian is not None:
            self._record.curvature = self._curvature()
        return self._record

    def _curvature(self) -> Tensor:
        """Return the curvature of the tasks' summed loss along the update of the shared parameters, (R,)."""
        shared, before, lanes = self._program.shared, self._parameters, self._lanes
        update = {n: lanes.parameters[n].detach() - before[n] for n in shared}
        ahead = {n: p.detach().requires_grad_() for n, p in before.items()}
        ahead |= {n: lanes.parameters[n] for n in shared}
        with self._program.forward.bound_to(ahead):
            losses = self._program.see(lanes, self._examples, whole=True).losses
            after = _gradient(self._program, sum(losses[1:], losses[0]), False)
        change = {n: after[n] - self._gradient[n] for n in shared}
        size = products([update], [update], shared)[:, 0, 0]
        return mean_curvature(size, products([update], [change], shared)[:, 0, 0])


def shared_gradients(program: Differentiable, lanes: Lanes, examples: Examples) -> list[Tensors]:
    """Return each trained task's gradient of the shared parameters, (R, ...) by name."""
    losses = program.see(lanes, examples, whole=True).losses
    last = len(losses) - 1
    return [_gradient(program, loss, place < last) for place, loss in enumerate(losses)]


def layer_products(by_task: Sequence[Tensors], layers: Mapping[str, str]) -> Tensor:
    """Return the inner products of the tasks' gradients, layer by layer, (R, L, T, T).

    Args:
        by_task: gradients of the shared parameters.
        layers: by name of a parameter that of its layer; nothing for all parameters as one.
    """
    members: dict[str, list[str]] = {layer: [] for layer in layers.values()}
    for name in by_task[0]:
        members.setdefault(layers.get(name, ""), []).append(name)
    first = next(iter(by_task[0].values()))
    nothing = first.new_zeros(len(first), len(by_task), len(by_task))  # of a layer that the phase freezes
    found = [products(by_task, by_task, names) if names else nothing for names in members.values()]
    return torch.stack(found, 1)


def _gradient(program: Differentiable, loss: Tensor, again: bool) -> Tensors:
    """Return the gradient of losses, (R,) or of a lone lane (), of the shared parameters."""
    leaves = [program.forward.leaves[n] for n in program.shared]
    found = torch.autograd.grad(loss.sum(), leaves, retain_graph=again, materialize_grads=True)
    return program.forward.join(dict(zip(program.shared, found, strict=True)))


def _total(by_task: Sequence[Tensors]) -> Tensors:
    return {name: sum((own[name] for own in by_task[1:]), by_task[0][name]) for name in by_task[0]}
