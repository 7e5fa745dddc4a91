"""What a suite of arrays holds, in one form for all containers, with what tells it.

Equal values have equal digests, whatever they came in: NumPy, pandas or torch, of single or double precision.

Shape letters: N rows, D numbers of an example, K columns of a target.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtlrun.data.arrays.checks import GROUPS, IMAGES, INPUTS, ONE_HOT, PIECE, RESERVED, SPLIT, array_faults
from mtlrun.data.splits import read_only
from mtlrun.data.tables.columns import Column
from mtlrun.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Arrays:
    """The arrays of a suite.

    Attributes:
        inputs: (N, ...): uint8 for images of bytes; float32, or float64 where single precision would change a number.
        targets: by task its columns.
        groups: of each row; None for none.
        split: the part of each row; None where rows are divided at random.
        one_hot: int64, the numbers of those inputs, of (N, D), that tell a category and are not standardised.
    """

    inputs: np.ndarray
    targets: Mapping[str, tuple[Column, ...]]
    groups: Column | None
    split: Column | None
    one_hot: np.ndarray

    @property
    def pixels(self) -> bool:
        """Whether inputs are images of bytes."""
        return self.inputs.dtype == np.uint8

    @cached_property
    def input_digest(self) -> str:
        """What tells the inputs: 16 hex digits."""
        return digest([array_digest(self.inputs), array_digest(self.one_hot)])

    def task_digest(self, task: str) -> str:
        """Return what tells a target: 16 hex digits."""
        return digest([column.digest for column in self.targets[task]])

    @cached_property
    def digest(self) -> str:
        """What tells all that is held: 16 hex digits."""
        columns = {GROUPS: self.groups, SPLIT: self.split}
        lines = [f"{name} {column.digest}" for name, column in columns.items() if column is not None]
        lines += [f"targets {name} {self.task_digest(name)}" for name in self.targets]
        return digest([self.input_digest, *lines])


def content_of(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """Return what arrays hold: `inputs`, perhaps `groups`, `split` and `one_hot`; each other one is a target.

    Args:
        arrays: numbers, true and false, or text, of which "" is a missing value.

    Raises:
        ConfigError: every fault of theirs; keys are the names of the arrays.
    """
    faults = list(array_faults(arrays))
    if faults:
        raise ConfigError(faults)
    columns = {name: columns_of(name, a) for name, a in arrays.items() if name not in (INPUTS, ONE_HOT)}
    return Arrays(
        read_only(plain_inputs(arrays[INPUTS])),
        {name: found for name, found in columns.items() if name not in RESERVED},
        columns[GROUPS][0] if GROUPS in columns else None,
        columns[SPLIT][0] if SPLIT in columns else None,
        read_only(np.array(arrays.get(ONE_HOT, ()), dtype=np.int64)),
    )


def plain_inputs(values: np.ndarray) -> np.ndarray:
    """Return inputs (N, ...) in the one form that equal numbers have: see `Arrays.inputs`."""
    images = values.ndim == IMAGES
    if images and values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    single = np.ascontiguousarray(values, dtype=np.float32) + np.float32(0)  # -0.0 is 0.0
    if images or np.array_equal(single, values):
        return single
    return np.ascontiguousarray(values, dtype=np.float64) + 0.0


def columns_of(name: str, values: np.ndarray) -> tuple[Column, ...]:
    """Return the columns of a target, of groups or of parts, (N,) or (N, K)."""
    if values.ndim == 1 or values.shape[1] == 1:
        return (_column(name, values.reshape(-1)),)
    return tuple(_column(f"{name}[{k}]", values[:, k]) for k in range(values.shape[1]))


def _column(name: str, values: np.ndarray) -> Column:
    if values.dtype.kind in "bUS":
        text = np.where(values, "true", "false") if values.dtype == bool else values
        codes, classes = codes_and_classes(text)
        return Column(name, "category" if classes else "empty", read_only(codes), classes, "text")
    numbers = read_only(np.ascontiguousarray(values, dtype=np.float64))
    return Column(name, "empty" if np.isnan(numbers).all() else "number", numbers, (), str(values.dtype))


def codes_and_classes(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return class numbers, float64 (N,), NaN where text is empty, and the classes, sorted."""
    text = np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
    classes, codes = np.unique(text, return_inverse=True)
    numbers = codes.reshape(-1).astype(np.float64)
    if len(classes) and classes[0] == "":  # the empty text is the first in any order
        classes, numbers = classes[1:], np.where(numbers == 0, np.nan, numbers - 1)
    return np.ascontiguousarray(numbers), tuple(str(name) for name in classes)


def array_digest(array: np.ndarray) -> str:
    """Return what tells an array: 16 hex digits."""
    found = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    step = max(1, PIECE // max(1, array[:1].size))
    for first in range(0, len(array), step):
        found.update(np.ascontiguousarray(array[first : first + step]).reshape(-1).view(np.uint8).data)
    return found.hexdigest()[:16]


def digest(lines: Sequence[str]) -> str:
    """Return what tells some lines of text: 16 hex digits."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
