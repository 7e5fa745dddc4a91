"""A map-style data set, as of torch, read whole into arrays.

Shape letters: N examples, K numbers of a target.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlrun.data.arrays.containers import array_of
from mtlrun.errors import ConfigError, Fault
from mtlrun.user_code import blaming

EXAMPLE = "must yield pairs (input, {task: target})"


def arrays_of(dataset: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the inputs (N, ...) and by task the targets of all examples, in their order.

    An example that lacks a task, or has None or NaN for it, has no label of it.

    Args:
        dataset: has a length, and gives `(input, {task: target})` for each number from 0.

    Raises:
        ConfigError: it does not, or its code fails.
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        rule = "must be map-style, with a length and an example for each number; of a DataLoader, give its `dataset`"
        raise ConfigError([Fault("dataset", rule, type(dataset).__name__)])
    inputs, targets = list[np.ndarray](), list[Mapping[str, Any]]()
    for row in range(_called(dataset, "__len__")):
        example = _called(dataset, "__getitem__", row)
        if not isinstance(example, tuple | list) or len(example) != 2 or not isinstance(example[1], Mapping):
            raise ConfigError([Fault("dataset", f"{EXAMPLE}, and does not for number {row}", _told(example))])
        inputs.append(_input(row, example[0]))
        targets.append(example[1])
        if inputs[-1].shape != inputs[0].shape:
            rule = f"must yield inputs of one shape, {inputs[0].shape} as the first has; number {row} differs"
            raise ConfigError([Fault("dataset", rule, inputs[-1].shape)])
    if not inputs:
        raise ConfigError([Fault("dataset", "must have examples", 0)])
    names = list(dict.fromkeys(name for one in targets for name in one))
    return np.stack(inputs), {name: _target(name, [one.get(name) for one in targets]) for name in names}


def _called(dataset: Any, method: str, *arguments: Any) -> Any:
    kind = type(dataset)
    with blaming("dataset", f"{kind.__module__}.{kind.__qualname__}"):
        return getattr(dataset, method)(*arguments)


def _input(row: int, value: Any) -> np.ndarray:
    if isinstance(value, int | float):
        return np.array([value])
    if isinstance(value, np.generic):
        return np.asarray(value).reshape(1)
    try:
        found = array_of("dataset", value)
    except ConfigError as error:
        rule = (
            f"must yield arrays or tensors as inputs, and does not for number {row} (of images, use ToTensor)"
        )
        raise ConfigError([Fault("dataset", rule, type(value).__name__)]) from error
    return found if found.ndim else found.reshape(1)


def _target(name: str, values: list[Any]) -> Any:
    """Return the targets of a task as a list of scalars, or as (N, K), with NaN for missing ones.

    Raises:
        ConfigError: they have several shapes.
    """
    plain = [_plain(name, value) for value in values]
    shapes = {value.shape for value in plain if isinstance(value, np.ndarray)}
    if not shapes:
        return plain
    gaps = [value is None or (isinstance(value, float) and np.isnan(value)) for value in plain]
    if len(shapes) > 1 or not all(
        gap or isinstance(v, np.ndarray) for v, gap in zip(plain, gaps, strict=True)
    ):
        rule = f"must yield targets of one shape for task {name}"
        raise ConfigError([Fault("dataset", rule, sorted(shapes))])
    (shape,) = shapes
    return np.stack([np.full(shape, np.nan) if gap else v for v, gap in zip(plain, gaps, strict=True)])


def _plain(name: str, value: Any) -> Any:
    """Return a target as a number, text or None, or as an array (K,)."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, np.generic):
        return value.item()
    found = array_of(f"dataset[{name}]", value)
    return found.item() if found.size == 1 and found.ndim == 0 else found.reshape(-1)


def _told(example: Any) -> str:
    """Return what an example is, in a few words."""
    if isinstance(example, tuple | list):
        return f"{type(example).__name__} of {', '.join(type(part).__name__ for part in example)}"
    return type(example).__name__
