"""The training losses of the tasks of a cohort: by kind, weighted by classes, or of the user's own.

Weighted by classes, a loss is the mean over a batch's examples (or their labels) of weight times loss. It is not
divided by the batch's weights, as torch's own `weight=` is, so that every example counts the same in every batch.
`balanced` gives class c the weight n / (C n_c), of n training rows with a label, n_c of them of that class and C
classes among them: the mean weight is 1. Each label of a multilabel task has two classes so; numbers given for labels
are the weights of a 1, and a 0 weighs 1.

A loss of one's own is a function of outputs (B, outputs) and targets of one run, or a class whose object is one. It
gives a scalar, or a value for each example, (B,) or (B, outputs), of which the mean is taken. Where a task lacks
targets, it must give values, which count where there is a target; the others are 0. Metrics stay those of the kind.

Shape letters: R lanes, B batch, C classes, L labels.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlrun.data.task import SuiteData, Task
from mtlrun.errors import ConfigError, Fault
from mtlrun.training.objective.losses import Loss, binary_cross_entropies, cross_entropies, loss_of, mean_over
from mtlrun.training.objective.missing_labels import filled, present
from mtlrun.training.vectorize.vmap import lift, without_loops
from mtlrun.user_code import FOREIGN_ERRORS, TARGET, arguments_of, find, told

ROWS = 4  # of the batch that tries a loss


def losses_of(
    tasks: Sequence[Task], data: Sequence[SuiteData], device: torch.device, dtype: torch.dtype
) -> list[Loss]:
    """Return the training loss of each task over lanes: outputs and targets (R, B, ...) to (R,).

    Args:
        tasks: of all lanes alike, but for their names and the numbers of their class weights.
        data: of each lane.
        device: where losses are computed.
        dtype: of outputs.
    """
    found = []
    for place, task in enumerate(tasks):
        if task.loss is not None:
            found.append(_own(task))
        elif task.class_weights is not None:
            weights = np.stack([_weights(lane, lane.tasks[place]) for lane in data])
            found.append(_weighted(task, torch.from_numpy(weights).to(device, dtype)))
        else:
            found.append(loss_of(task))
    return found


def check_losses(tasks: Sequence[Task]) -> None:
    """Try the losses of the users' own on a small batch.

    Raises:
        ConfigError: one of them does not do what a loss must.
    """
    for task in tasks:
        if task.loss is not None:
            _own(task)


def _weights(data: SuiteData, task: Task) -> np.ndarray:
    """Return the weights of a lane's classes: (C,) for multiclass, else (L, 2) of labels 0 and 1."""
    given = task.class_weights
    if isinstance(given, tuple):
        if task.kind != "multilabel":
            return np.array(given if task.kind == "multiclass" else [given])
        return np.stack([np.ones(len(given)), np.array(given)], 1)
    source = data.sources[task.source]
    targets = source.targets[task.name][source.splits["train"]]
    if task.kind == "multiclass":
        return _balanced(np.bincount(targets[targets >= 0], minlength=task.outputs))
    return np.stack([_balanced(np.array([(t == 0).sum(), (t == 1).sum()])) for t in targets.T])


def _balanced(counts: np.ndarray) -> np.ndarray:
    """Return the weights of classes with so many rows each; a class without any has 0."""
    there = counts > 0
    return np.where(there, counts.sum() / (max(there.sum(), 1) * np.maximum(counts, 1)), 0.0)


def _weighted(task: Task, weights: Tensor) -> Loss:
    """Return the loss of a task's kind with class weights (R, C) or (R, L, 2)."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        known = filled(targets)
        if task.kind == "multiclass":
            values, axes = weights.gather(1, known) * cross_entropies(outputs, known), (-1,)
            return mean_over(values, present(targets), axes)
        zero, one = weights.unsqueeze(1).unbind(-1)
        values = (zero + (one - zero) * known) * binary_cross_entropies(outputs, known)
        return mean_over(values, present(targets), (-2, -1))

    return loss


def _own(task: Task) -> Loss:
    """Return a task's own loss over lanes; one that vmap cannot take gets the lanes one by one.

    Raises:
        ConfigError: it does not do what a loss must.
    """
    assert task.loss is not None
    key = f"suite.losses.{task.name}"
    one = _one(find(json.loads(task.loss)[TARGET]), task.loss, task.partial, key)
    apart = _tried(one, task.kind, task.outputs, key)
    return lambda outputs, targets: lift(one, len(outputs), apart)(outputs, targets)


@functools.lru_cache(maxsize=256)
def _one(found: Callable[..., Any], text: str, partial: bool, key: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a user's loss as a function of one run's outputs and targets to a scalar."""
    arguments = arguments_of(json.loads(text))
    try:
        called = found(**arguments) if isinstance(found, type) else functools.partial(found, **arguments)
    except FOREIGN_ERRORS as error:
        raise ConfigError([Fault(key, f"cannot be built: {told(error)}", text)]) from error

    def one(outputs: Tensor, targets: Tensor) -> Tensor:
        values = called(outputs, filled(targets) if partial else targets)
        rule = "must give a scalar tensor, or a value for each example, (B,) or (B, outputs)"
        if not isinstance(values, Tensor) or not values.is_floating_point():
            raise ConfigError([Fault(key, rule, type(values).__name__)])
        if values.dim() == 0 and not partial:
            return values
        if values.shape not in (outputs.shape, outputs.shape[:1]):
            rule += " (a value for each example where targets are missing)" if partial else ""
            raise ConfigError(
                [Fault(key, f"{rule}; {len(outputs)} examples gave the shape", tuple(values.shape))]
            )
        if not partial:
            return values.mean()
        there = present(targets)
        there = there.all(1) if there.dim() > values.dim() else there
        return mean_over(values, there, tuple(range(values.dim())))

    return one


@functools.lru_cache(maxsize=256)
def _tried(one: Callable[[Tensor, Tensor], Tensor], kind: str, outputs: int, key: str) -> bool:
    """Try a loss on two lanes; return whether they must go one by one.

    Raises:
        ConfigError: it fails, gives no gradient, or draws random numbers.
    """
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, ROWS, outputs, generator=generator, requires_grad=True)
    targets = torch.zeros(2, ROWS, dtype=torch.int64) if kind == "multiclass" else torch.zeros(scores.shape)
    drawn = torch.default_generator.get_state()
    try:
        expected = torch.stack([one(*lane) for lane in zip(scores, targets, strict=True)])
    except FOREIGN_ERRORS as error:
        rule = f"must take outputs {(ROWS, outputs)} and targets {tuple(targets.shape[1:])}: {told(error)}"
        raise ConfigError([Fault(key, rule)]) from error
    if not torch.equal(drawn, torch.default_generator.get_state()):
        raise ConfigError([Fault(key, "must draw no random numbers: they would not be a run's own")])
    if not expected.requires_grad:
        raise ConfigError([Fault(key, "must be differentiable in the outputs, and is constant")])
    found, _ = without_loops(lambda: lift(one, 2)(scores, targets))
    return found is None or not torch.allclose(found, expected, rtol=1e-4, equal_nan=True)
