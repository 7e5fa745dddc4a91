"""What is wrong with the arrays that a suite of a user's own gives: each is named, with what it must be.

Shape letters: N rows of a source, C classes, L labels, K regression outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mtlrun.data.task import ALL_METRICS, METRICS, Source, SourceInfo, Task
from mtlrun.errors import Fault
from mtlrun.text.pluralize import pluralize

PARTS = ("train", "val", "test")
PIECE = 2**22  # numbers that are looked at together, so that a mapped file need not fit into memory
LARGEST = float(np.finfo(np.float32).max)
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def task_faults(tasks: Sequence[Task], sources: Sequence[SourceInfo]) -> Iterator[Fault]:
    """Yield what is wrong with the tasks that a suite offers and with the sources that it names.

    Args:
        tasks: what `offered` gave.
        sources: what `whole` gave.
    """
    for task in tasks:
        key = f"offered: {task.name}"
        if task.kind not in ALL_METRICS:
            yield Fault(f"{key}.kind", "must be a kind of task", task.kind, tuple(ALL_METRICS))
            continue
        fewest = 2 if task.kind == "multiclass" else 1
        one = task.kind == "binary" and task.outputs != 1
        if not _whole(task.outputs) or task.outputs < fewest or one:
            rule = f"must be {'1' if task.kind == 'binary' else f'{fewest} or more'} for a {task.kind} task"
            yield Fault(f"{key}.outputs", rule, task.outputs)
        known = [name for name in METRICS if name in ALL_METRICS[task.kind]]
        known += ["excess_risk"] if task.kind == "regression" else []
        if not isinstance(task.metrics, tuple) or not task.metrics:
            yield Fault(
                f"{key}.metrics", "must be a tuple of metrics, the first primary", task.metrics, known
            )
        else:
            yield from (
                Fault(f"{key}.metrics", f"must be metrics of a {task.kind} task", m, known)
                for m in task.metrics
                if m not in known
            )
        if not _whole(task.source) or not 0 <= task.source < len(sources):
            rule = f"must count the {pluralize(len(sources), 'source')} of whole() from 0"
            yield Fault(f"{key}.source", rule, task.source)
    for source in sources:
        yield from _size_faults(source)


def _size_faults(source: SourceInfo) -> Iterator[Fault]:
    key = f"whole: {source.name}"
    rows = source.rows
    good = isinstance(rows, Mapping) and set(PARTS) <= set(rows)
    if not good or not all(_whole(n) and n > 0 for n in rows.values()):
        yield Fault(f"{key}.rows", "must be a number of rows, 1 or more, for each of train, val, test", rows)
    shape = source.input_shape
    if not isinstance(shape, tuple) or not shape or not all(_whole(n) and n > 0 for n in shape):
        rule = "must be the shape of one example, a tuple of whole numbers above 0"
        yield Fault(f"{key}.input_shape", rule, shape)


def source_faults(source: Any, info: SourceInfo, tasks: Sequence[Task]) -> Iterator[Fault]:
    """Yield what is wrong with the data of one source.

    Args:
        source: what `build` gave.
        info: of the source, with the rows that `build` was asked for.
        tasks: those that read it.
    """
    key = f"build: {info.name}"
    if not isinstance(source, Source):
        yield Fault(key, "must be a mtlrun.data.task.Source", type(source).__name__)
        return
    if source.name != info.name:
        yield Fault(f"{key}.name", "must be the name that whole() gives this source", source.name)
    inputs = list(_input_faults(f"{key}.inputs", source.inputs, info))
    yield from inputs
    if not isinstance(source.inputs, np.ndarray) or not source.inputs.ndim:
        return
    rows = len(source.inputs)
    groups = source.groups
    if groups is not None and (np.shape(groups) != (rows,) or np.asarray(groups).dtype.kind not in "iu"):
        found = f"{np.asarray(groups).dtype} {np.shape(groups)}"
        yield Fault(f"{key}.groups", f"must be whole numbers ({rows},), the group of each row", found)
    splits = list(_split_faults(f"{key}.splits", source.splits, info, rows))
    yield from splits
    used = None if splits else np.concatenate([source.splits[part] for part in PARTS])
    if not inputs and used is not None:
        yield from _finite_faults(f"{key}.inputs", source.inputs, used)
    if not isinstance(source.targets, Mapping):
        yield Fault(f"{key}.targets", "must be a dict, by name of the task", type(source.targets).__name__)
        return
    for task in tasks:
        if task.name not in source.targets:
            has = ", ".join(map(str, source.targets)) or "no task"
            rule = f"must be {_meant(task, rows)}, and is missing; the source has targets of {has}"
            yield Fault(f"{key}.targets.{task.name}", rule)
            continue
        target = source.targets[task.name]
        yield from _target_faults(f"{key}.targets.{task.name}", target, task, rows, used)
    yield from _scale_faults(key, source, info, tasks)


def _input_faults(key: str, inputs: Any, info: SourceInfo) -> Iterator[Fault]:
    shape = ", ".join(["N", *map(str, info.input_shape)])
    rule = f"must be {'uint8' if info.pixels else 'float32'} ({shape})"
    if not isinstance(inputs, np.ndarray):
        yield Fault(key, f"{rule}, a NumPy array", type(inputs).__name__)
    elif inputs.shape[1:] != info.input_shape or not inputs.ndim or not len(inputs):
        yield Fault(key, f"{rule}, as whole() says", told(inputs))
    elif info.pixels != (inputs.dtype == np.uint8):
        yield Fault(key, f"{rule}, as `pixels` in whole() says", told(inputs))
    elif not info.pixels and inputs.dtype not in FLOATS:
        yield Fault(key, rule, told(inputs))


def _split_faults(key: str, splits: Any, info: SourceInfo, rows: int) -> Iterator[Fault]:
    if not isinstance(splits, Mapping) or not set(PARTS) <= set(splits):
        found = list(splits) if isinstance(splits, Mapping) else type(splits).__name__
        yield Fault(key, "must be a dict with train, val and test", found)
        return
    good = {}
    for part in PARTS:
        numbers = splits[part]
        rule = f"must be int64 row numbers ({info.rows[part]},), from 0 to {rows - 1}"
        if not isinstance(numbers, np.ndarray):
            yield Fault(f"{key}.{part}", f"{rule}, a NumPy array", type(numbers).__name__)
        elif numbers.ndim != 1 or numbers.dtype != np.int64 or len(numbers) != info.rows[part]:
            yield Fault(f"{key}.{part}", f"{rule}, as many as the source is asked for", told(numbers))
        elif numbers.min() < 0 or numbers.max() >= rows:
            outside = numbers[(numbers < 0) | (numbers >= rows)]
            yield Fault(f"{key}.{part}", f"{rule}; {len(outside)} are outside", int(outside[0]))
        else:
            good[part] = numbers
    names = list(good)
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            there = np.zeros(rows, bool)
            there[good[first]] = True
            both = good[second][there[good[second]]]
            if len(both):
                rule = f"must have no row of splits.{first}, and shares {len(both)}"
                yield Fault(f"{key}.{second}", rule, both[:3].tolist())


def _meant(task: Task, rows: int) -> str:
    """Return what the targets of a task must be."""
    if task.kind == "multiclass":
        return f"int64 ({rows},), classes from 0 to {task.outputs - 1}"
    what = ", amounts" if task.kind == "regression" else ", 0 or 1"
    return f"float32 ({rows}, {task.outputs}){what}"


def _target_faults(key: str, target: Any, task: Task, rows: int, used: np.ndarray | None) -> Iterator[Fault]:
    """Yield what is wrong with the targets of a task; their values in the rows `used`, where these are known."""
    rule = f"must be {_meant(task, rows)}"
    if not isinstance(target, np.ndarray):
        yield Fault(key, f"{rule}, a NumPy array", type(target).__name__)
        return
    classes = task.kind == "multiclass"
    dtypes = (np.dtype(np.int64),) if classes else FLOATS
    shape = (rows,) if classes else (rows, task.outputs)
    if target.shape != shape or target.dtype not in dtypes:
        yield Fault(key, rule, told(target))
        return
    if used is None:
        return
    values = target[used]
    if classes:
        lowest = -1 if task.partial else 0
        bad = (values < lowest) | (values >= task.outputs)
        gaps = " (-1 where it is missing)" if task.partial else ""
    else:
        there = ~np.isnan(values) if task.partial else np.ones(values.shape, bool)
        good = np.abs(values) <= LARGEST if task.kind == "regression" else np.isin(values, (0, 1))
        bad = there & ~good
        gaps = " (NaN where it is missing)" if task.partial else ""
    if bad.any():
        none = "" if task.partial or not _missing(values, classes) else "; `partial=True` allows missing ones"
        rows_bad = np.flatnonzero(bad.reshape(len(bad), -1).any(1))
        where = f"{rule}{gaps}, and is not in {_rows_told(used[rows_bad])}{none}"
        yield Fault(key, where, str(values[bad][0]))


def _rows_told(rows: Sequence[int] | np.ndarray) -> str:
    """Return `row 3`, or `4 rows, the first of them row 3`."""
    return f"row {rows[0]}" if len(rows) == 1 else f"{len(rows):,} rows, the first of them row {rows[0]}"


def _missing(values: np.ndarray, classes: bool) -> bool:
    """Say whether some targets look as missing ones do."""
    return bool((values == -1).any() if classes else np.isnan(values).any())


def _finite_faults(key: str, inputs: np.ndarray, used: np.ndarray) -> Iterator[Fault]:
    """Yield a fault where inputs that are used hold no finite number of single precision."""
    if not np.issubdtype(inputs.dtype, np.floating):
        return
    step = max(1, PIECE // max(1, inputs[0].size))
    bad: list[int] = []
    for first in range(0, len(inputs), step):
        piece = inputs[first : first + step]
        if not (piece.max() <= LARGEST and piece.min() >= -LARGEST):  # a NaN is neither
            fine = (np.abs(piece) <= LARGEST).reshape(len(piece), -1).all(1)
            bad += (first + np.flatnonzero(~fine)).tolist()
    seen = np.intersect1d(bad, used) if bad else bad
    if len(seen):
        row = int(seen[0])
        value = inputs[row][~(np.abs(inputs[row]) <= LARGEST)].flat[0]
        rule = f"must hold finite numbers, and does not in {_rows_told(seen)}"
        yield Fault(key, rule, str(value))


def _scale_faults(key: str, source: Source, info: SourceInfo, tasks: Sequence[Task]) -> Iterator[Fault]:
    """Yield what is wrong with the means and deviations by which inputs and amounts are standardised."""
    pairs = {
        f"{key}.units.{t.name}": (source.units[t.name], t.outputs) for t in tasks if t.name in source.units
    }
    if source.scaling is not None:
        pairs[f"{key}.scaling"] = (source.scaling, info.input_shape[0])
    for name, (pair, size) in pairs.items():
        rule = f"must be a mean and a deviation above 0, arrays of {size} finite numbers each"
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            yield Fault(name, rule, type(pair).__name__)
            continue
        mean, std = (np.asarray(array) for array in pair)
        if mean.shape != (size,) or std.shape != (size,) or {mean.dtype.kind, std.dtype.kind} - set("fiu"):
            yield Fault(name, rule, f"{told(mean)} and {told(std)}")
        elif not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
            yield Fault(name, rule, f"{mean.tolist()[:5]} and {std.tolist()[:5]}")


def told(array: np.ndarray) -> str:
    """Return what an array is: its type and shape."""
    return f"{array.dtype} {array.shape}"


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
