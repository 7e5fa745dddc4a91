"""What may be wrong with the arguments of `Balancer`, or missing among them for a weighting. T tasks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Weighting


def argument_faults(
    weighting: Weighting,
    shared: Sequence[Tensor],
    tasks: int,
    steps_per_epoch: float | None,
    rows: Sequence[int],
    primary: int | None,
    lr: float | None,
) -> Iterator[Fault]:
    """Yield what is wrong with the arguments, as of `Balancer`."""
    name = type(weighting).__name__
    leaves = all(isinstance(p, Tensor) and p.is_leaf and p.is_floating_point() for p in shared)
    if not shared or not leaves:
        yield Fault("shared", "must be the parameters that tasks share, as encoder.parameters()")
    if tasks < 1:
        yield Fault("tasks", "must be at least 1", tasks)
    if steps_per_epoch is None and weighting.watches_epochs:
        yield Fault("steps_per_epoch", f"must be given for {name}, as len(loader)")
    elif steps_per_epoch is not None and steps_per_epoch <= 0:
        yield Fault("steps_per_epoch", "must be above 0", steps_per_epoch)
    if rows and len(rows) != tasks:
        yield Fault("rows", f"must be one number for each of the {tasks} tasks", list(rows))
    if primary is not None and not 0 <= primary < tasks:
        yield Fault("primary", f"must be the position of a task, from 0 to {tasks - 1}", primary)
    if lr is None and weighting.probe == "validation_slopes":
        yield Fault("lr", f"must be given for {name}: the learning rate of its look-ahead step")
    yield from _strategy_faults(weighting, tasks)


def _strategy_faults(weighting: Weighting, tasks: int) -> Iterator[Fault]:
    for field in dataclasses.fields(weighting):
        value = getattr(weighting, field.name)
        if isinstance(value, list) and len(value) != tasks:
            yield Fault(field.name, f"must have one number for each of the {tasks} tasks", value)
    variants = weighting.variants(tasks)
    if len(variants) != 1:
        rule = f"must be one strategy, not {len(variants)}: choose one of its `variants({tasks})`"
        yield Fault("weighting", rule, str(weighting))
