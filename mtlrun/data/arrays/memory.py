"""Arrays in memory as a suite: checked at once, written into a file that tells its content, and named by a node.

Runs are trained from the file, so worker processes, later commands and predictions find the data without pickle.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mtlrun.data.arrays.array_file import ArrayFile
from mtlrun.data.arrays.checks import GROUPS, INPUTS, ONE_HOT, RESERVED, SPLIT
from mtlrun.data.arrays.containers import array_of, input_matrix
from mtlrun.data.arrays.content import Arrays, content_of
from mtlrun.data.arrays.dataset import arrays_of
from mtlrun.data.arrays.npz import held, write
from mtlrun.errors import ConfigError, Fault
from mtlrun.user_code import TARGET

SHARES = ("train", "val", "test")
NOT_SET = ("path", "content", "name")  # fields of `ArrayFile` that are no further settings


class ArraySuite:
    """A suite made of arrays in memory, all tasks on the same inputs.

    Args:
        inputs: numbers (N, D), images (N, colours, height, width) as numbers or bytes, or another shape (N, ...): a
            NumPy array, a torch tensor, a list, or a DataFrame, whose columns of text become a number for each
            category.
        targets: by task name (N,) or (N, K), or a DataFrame with a column for each task. NaN, None and "" are
            missing.
        groups: (N,), the group of each row; rows of a group are in one part of the split.
        kinds: by task name `multiclass`, `binary`, `multilabel` or `regression`, where it should not be inferred.
        name: what reports call the suite.
        split: shares of the parts, as (0.7, 0.1, 0.2) for train, validation and test, or {"val": 0.1, "test": 0.2};
            or (N,) text, `train`, `val` or `test` for each row. None takes 0.1 and 0.2.
        dataset: in place of inputs and targets, a map-style data set of torch that yields (input, {task: target}). It
            is read once, whole, here.
        settings: those of `ArrayFile` and of every suite: metrics, val, test, stratify, standardise, flip, crop,
            tasks, pairs, primary, train_size, label_noise, resplit, splits, shuffled, losses, class_weights.

    Raises:
        ConfigError: every fault of the arrays, and settings that there are not.
    """

    def __init__(
        self,
        inputs: Any = None,
        targets: Mapping[str, Any] | pd.DataFrame | None = None,
        *,
        groups: Any = None,
        kinds: Mapping[str, str] | None = None,
        name: str = "arrays",
        split: Any = None,
        dataset: Any = None,
        **settings: Any,
    ) -> None:
        faults = list[Fault](_setting_faults(settings))
        if dataset is not None and (inputs is not None or targets is not None):
            faults.append(Fault("dataset", "must be given alone, or else inputs and targets"))
        elif dataset is not None:
            inputs, targets = _tried(faults, lambda: arrays_of(dataset)) or (None, None)
        elif inputs is None or targets is None:
            absent = [key for key, value in (("inputs", inputs), ("targets", targets)) if value is None]
            faults += [Fault(key, "must be given, or else a dataset") for key in absent]
        shares, given = _split_of(split, faults)
        for key in shares.keys() & settings.keys():
            faults.append(Fault(key, f"must not be given twice: `split` says {shares[key]}", settings[key]))
        arrays = _arrays(inputs, targets, groups, given, faults)
        content = _content(arrays, faults)
        if faults or content is None:
            raise ConfigError(faults)
        self._arrays, self.content = arrays, content
        self.name = name
        named = {key: _plain(value) for key, value in settings.items()}
        self.settings = {"name": name, "kinds": _plain(kinds), **shares, **named}

    def __repr__(self) -> str:
        inputs, tasks = self.content.inputs, ", ".join(self.content.targets)
        return f"ArraySuite({self.name}: {len(inputs):,} rows of {inputs.shape[1:]}, tasks {tasks})"

    def node(self, path: str) -> dict[str, Any]:
        """Return the node of this suite, plain data, for a file that `save` wrote."""
        return {TARGET: f"{ArrayFile.__module__}.{ArrayFile.__qualname__}", "path": path, **self.settings}

    def save(self, folder: str | os.PathLike[str]) -> dict[str, Any]:
        """Write the arrays into a file called by their content, unless it is there, and return the suite's node.

        Args:
            folder: is made where it is absent.

        Raises:
            DataError: the file cannot be written.
        """
        place = Path(os.path.abspath(folder), f"arrays-{self.content.digest}.npz")
        if not _is_there(place, self.content):
            inputs = {INPUTS: self.content.inputs, ONE_HOT: self.content.one_hot}
            others = {key: array for key, array in self._arrays.items() if key not in inputs}
            write(place, {**inputs, **others})
        return self.node(str(place))


def _content(arrays: Mapping[str, np.ndarray], faults: list[Fault]) -> Arrays | None:
    """Return what arrays hold; what is wrong with them is added to `faults`, by the argument that gave them."""
    if INPUTS not in arrays or (not set(arrays) - {*RESERVED} and faults):  # which `faults` tell already
        return None
    try:
        return content_of(arrays)
    except ConfigError as error:
        for fault in error.faults:
            assert isinstance(fault, Fault)
            is_task = fault.key in arrays and fault.key not in RESERVED
            faults.append(fault._replace(key=f"targets[{fault.key}]") if is_task else fault)
        return None


def _is_there(place: Path, content: Arrays) -> bool:
    """Say whether a file is there and holds what its name says."""
    try:
        return place.is_file() and held(str(place)).digest == content.digest
    except ConfigError:  # somebody has damaged it
        return False


def _arrays(inputs: Any, targets: Any, groups: Any, split: Any, faults: list[Fault]) -> dict[str, np.ndarray]:
    """Return all arrays by name; what is wrong with them is added to `faults`."""
    found: dict[str, np.ndarray] = {}
    if isinstance(inputs, pd.DataFrame):
        matrix = _tried(faults, lambda: input_matrix(INPUTS, inputs))
        if matrix is not None:
            found[INPUTS], found[ONE_HOT] = matrix
    elif inputs is not None:
        found[INPUTS] = _tried(faults, lambda: array_of(INPUTS, inputs))
    for key, value in ((GROUPS, groups), (SPLIT, split)):
        if value is not None:
            found[key] = _tried(faults, lambda key=key, value=value: array_of(key, value))
    if targets is not None and not isinstance(targets, Mapping | pd.DataFrame):
        rule = "must be a dict {task: array}, or a DataFrame with a column for each task"
        faults.append(Fault("targets", rule, type(targets).__name__))
        targets = {}
    for task in targets if targets is not None else ():
        if not isinstance(task, str) or not task or not task.isprintable() or task in RESERVED:
            faults.append(
                Fault(
                    "targets",
                    f"must have names of tasks that are printable text, not {', '.join(RESERVED)}",
                    task,
                )
            )
        else:
            key = f"targets[{task}]"
            found[task] = _tried(faults, lambda key=key, task=task: array_of(key, targets[task]))
    return {key: _own(key, array) for key, array in found.items() if array is not None}


def _own(key: str, array: np.ndarray) -> np.ndarray:
    """Return an array that nobody else can change; inputs that are no bytes are copied later anyway."""
    return array if key == INPUTS and array.dtype != np.uint8 else np.array(array)


def _tried(faults: list[Fault], make: Any) -> Any:
    """Return what `make` makes; None where it has faults, which are added to the others."""
    try:
        return make()
    except ConfigError as error:
        faults += [fault for fault in error.faults if isinstance(fault, Fault)]
        return None


def _split_of(split: Any, faults: list[Fault]) -> tuple[dict[str, Any], Any]:
    """Return the shares of parts, as settings, and the part of each row, one of which is empty."""
    if split is None:
        return {}, None
    if isinstance(split, Mapping):
        shares = {key: _plain(value) for key, value in split.items()}
    elif (
        isinstance(split, tuple | list)
        and len(split) == len(SHARES)
        and not any(isinstance(v, str) for v in split)
    ):
        shares = dict(zip(SHARES, map(_plain, split), strict=True))
    elif isinstance(split, str | int | float):
        faults.append(Fault(SPLIT, "must be three shares, a dict of shares, or the part of each row", split))
        return {}, None
    else:
        return {}, split
    numbers = {k: v for k, v in shares.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    if set(shares) - set(SHARES) or len(numbers) < len(shares):
        faults.append(Fault(SPLIT, "must give a number for train, val and test alone", shares, SHARES))
    elif "train" in shares and abs(sum(shares.values()) - 1) > 1e-9:
        faults.append(Fault(SPLIT, "must have shares of train, val and test that sum to 1", shares))
    return {key: value for key, value in numbers.items() if key in ("val", "test")}, None


def _setting_faults(settings: Mapping[str, Any]) -> Sequence[Fault]:
    known = [field.name for field in dataclasses.fields(ArrayFile) if field.name not in NOT_SET]
    return [
        Fault(key, "is no setting of a suite of arrays", key, known) for key in settings if key not in known
    ]


def _plain(value: Any) -> Any:
    """Return plain data, with Python's numbers in place of NumPy's."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
