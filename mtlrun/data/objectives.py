"""What a task is trained on besides the loss of its kind: losses of the user's own, and class weights."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtlrun.data.task import ClassWeights, Task
from mtlrun.errors import Fault
from mtlrun.user_code import TARGET, argument_faults, find

BALANCED = "balanced"
GIVEN = 2  # outputs and targets come before the arguments of a loss that is a function
WEIGHED = ("multiclass", "binary", "multilabel")

Losses = Mapping[str, Any] | None
Weights = str | Mapping[str, Any] | None


def own_losses(losses: Losses, names: Sequence[str]) -> dict[str, dict[str, Any]] | None:
    """Return a node for each of these tasks that has a loss of its own; None where none has one."""
    asked = losses or {}
    found = {name: _node(asked[name]) for name in names if name in asked}
    return found or None


def class_weights(weights: Weights, losses: Losses, tasks: Sequence[Task]) -> dict[str, Any] | None:
    """Return what weighs the classes of each of these tasks that has weights; None where none has any.

    Balanced for all are those with classes and with the loss of their kind.
    """
    asked: Any = weights
    if weights == BALANCED:
        plain = [task for task in tasks if task.name not in (losses or {})]
        asked = {task.name: BALANCED for task in plain if task.kind in WEIGHED}
    found = {task.name: asked[task.name] for task in tasks if task.name in (asked or {})}
    return found or None


def loss_text(losses: Losses, name: str) -> str | None:
    """Return the node of a task's own loss as JSON, or None."""
    found = own_losses(losses, [name])
    return None if found is None else json.dumps(found[name], sort_keys=True)


def weights_of(weights: Weights, losses: Losses, task: Task) -> ClassWeights | None:
    """Return what weighs the classes of a task, or None."""
    found = (class_weights(weights, losses, [task]) or {}).get(task.name)
    return tuple(float(v) for v in found) if isinstance(found, list) else found


def objective_faults(losses: Losses, weights: Weights, tasks: Sequence[Task]) -> Iterator[Fault]:
    """Yield what is wrong with the losses and class weights of selected tasks; keys are the suite's."""
    names = tuple(task.name for task in tasks)
    for name, value in (losses or {}).items():
        if name not in names:
            yield Fault("losses", "must name selected tasks", name, names)
        else:
            yield from _loss_faults(name, value)
    if isinstance(weights, str):
        if weights != BALANCED:
            yield Fault("class_weights", "must be balanced, or weights by task", weights)
            return
        if class_weights(weights, losses, tasks) is None:
            yield Fault("class_weights", "needs a task with classes and the loss of its kind", weights)
    for name in weights if isinstance(weights, Mapping) else ():
        if name not in names:
            yield Fault("class_weights", "must name selected tasks", name, names)
    for task in tasks:
        found = (class_weights(weights, losses, [task]) or {}).get(task.name)
        if found is not None:
            yield from _weight_faults(task, found, task.name in (losses or {}))


def _node(value: Any) -> dict[str, Any]:
    return {TARGET: value} if isinstance(value, str) else dict(value)


def _loss_faults(name: str, value: Any) -> Iterator[Fault]:
    if not isinstance(value, str | Mapping) or not value:
        rule = "must name a function or class, as my_package.my_loss, or be a mapping with it as _target_"
        yield Fault(f"losses.{name}", rule, value)
        return
    node = _node(value)
    found = argument_faults(node)
    if not any(fault.key == TARGET for fault in found) and not isinstance(find(node[TARGET]), type):
        found = argument_faults(
            node, GIVEN
        )  # a function gets outputs and targets first, a class's object later
    for fault in found:
        yield fault._replace(key=f"losses.{name}.{fault.key}")


def _weight_faults(task: Task, found: Any, own_loss: bool) -> Iterator[Fault]:
    key = f"class_weights.{task.name}"
    if task.kind not in WEIGHED:
        yield Fault(key, "must be of a task with classes, not of kind", task.kind)
    elif own_loss:
        yield Fault(
            key, "must not be given beside a loss of the task's own, which weighs what it likes", found
        )
    elif found != BALANCED:
        count = {"multiclass": task.outputs, "binary": 2}.get(task.kind, task.outputs)
        each = "label" if task.kind == "multilabel" else "class"
        numbers = isinstance(found, list) and all(_is_weight(v) for v in found)
        if not numbers or len(found) != count or not any(found):
            yield Fault(key, f"must be balanced or {count} numbers from 0, one for each {each}", found)


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
