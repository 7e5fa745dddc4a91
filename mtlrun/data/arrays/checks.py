"""What can be wrong with the arrays of a suite.

Shape letters: N rows, D numbers of an example, K columns of a target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mtlrun.errors import Fault
from mtlrun.text.pluralize import pluralize

INPUTS, GROUPS, SPLIT, ONE_HOT = "inputs", "groups", "split", "one_hot"
RESERVED = (INPUTS, GROUPS, SPLIT, ONE_HOT)
"""Names of arrays that are no targets."""

IMAGES = 4  # axes of images: (N, colours, height, width)
PIECE = 2**22  # numbers that are looked at together
NUMBERS = "buif"  # kinds of NumPy's types that are numbers, or true and false
MEANT = {
    "targets": "must be numbers, true and false, or text, (N,) or (N, K)",
    GROUPS: "must be numbers or text (N,), the group of each row",
    SPLIT: "must be text (N,), the part of each row: train, val or test",
}


def array_faults(arrays: Mapping[str, np.ndarray]) -> Iterator[Fault]:
    """Yield everything that is wrong with arrays, by their names; keys are the names."""
    found = list(_shape_faults(arrays))
    yield from found or _value_faults(arrays)


def _shape_faults(arrays: Mapping[str, np.ndarray]) -> Iterator[Fault]:
    """Yield arrays that are absent, of a wrong type, or of another length than the inputs."""
    targets = [name for name in arrays if name not in RESERVED]
    if INPUTS not in arrays:
        yield Fault(INPUTS, "must be given beside the targets", list(arrays) or None)
        return
    if not targets:
        yield Fault("targets", "must be given, an array for each task under its name")
    inputs = arrays[INPUTS]
    if inputs.dtype.kind not in NUMBERS or inputs.ndim < 2 or not inputs.size:
        more = "; of one number a row, give x[:, None]" if inputs.ndim == 1 else ""
        rule = (
            f"must be numbers (N, D), images (N, colours, height, width), or of another shape (N, ...){more}"
        )
        yield Fault(INPUTS, rule, told(inputs))
        return
    for name in (*targets, *(key for key in (GROUPS, SPLIT) if key in arrays)):
        values = arrays[name]
        kinds = "US" if name == SPLIT else f"{NUMBERS}US"
        axes = (1,) if name in (GROUPS, SPLIT) else (1, 2)
        if values.dtype.kind not in kinds or values.ndim not in axes or 0 in values.shape[1:]:
            yield Fault(name, MEANT.get(name, MEANT["targets"]), told(values))
        elif len(values) != len(inputs):
            rule = f"must have {pluralize(len(inputs), 'row')}, as the inputs have"
            yield Fault(name, rule, len(values))
    one_hot = arrays.get(ONE_HOT, np.empty(0, np.int64))
    if one_hot.ndim != 1 or (one_hot.size and (one_hot.dtype.kind not in "iu" or inputs.ndim != 2)):
        yield Fault(ONE_HOT, "must list numbers of columns of inputs (N, D)", told(one_hot))
    elif one_hot.size and not (one_hot.min() >= 0 and one_hot.max() < inputs.shape[1]):
        yield Fault(ONE_HOT, f"must list columns from 0 to {inputs.shape[1] - 1}", one_hot.tolist()[:10])


def _value_faults(arrays: Mapping[str, np.ndarray]) -> Iterator[Fault]:
    """Yield a fault where inputs hold what is no finite number of single precision."""
    inputs = arrays[INPUTS]
    if inputs.dtype.kind != "f":
        return
    bad: list[int] = []
    step = max(1, PIECE // inputs[0].size)
    largest = np.finfo(np.float32).max
    for first in range(0, len(inputs), step):
        piece = inputs[first : first + step].reshape(len(inputs[first : first + step]), -1)
        bad += (first + np.flatnonzero(~(np.abs(piece) <= largest).all(1))).tolist()
    if bad:
        row = inputs[bad[0]].reshape(-1)
        place = int(np.flatnonzero(~(np.abs(row) <= largest))[0])
        where = f"row {bad[0]}, column {place}" if inputs.ndim == 2 else f"row {bad[0]}"
        rule = f"must hold finite numbers, and do not in {pluralize(len(bad), 'row')}, as {where}"
        yield Fault(INPUTS, f"{rule} (suite=table fills gaps)", float(row[place]))


def told(array: np.ndarray) -> str:
    """Return what an array is: its type and shape."""
    return f"{array.dtype} {array.shape}"
