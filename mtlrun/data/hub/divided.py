"""Data sets whose examples are divided among the tasks: each task has images of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from mtlrun.data.hub.reading.inputs import Reading, inputs, moments
from mtlrun.data.hub.reading.origin import Origin
from mtlrun.data.hub.reading.parts import part_sizes, rows_by_part
from mtlrun.data.hub.reading.targets import Target, class_codes
from mtlrun.data.hub.suite import HubSuite
from mtlrun.data.splits import read_only
from mtlrun.data.task import DEFAULT_METRICS, Source, SourceInfo, Task
from mtlrun.errors import ConfigError, Fault


@dataclass
class Divided(HubSuite):
    """A data set that also offers a task for each class of one column, on the examples of that class alone.

    Such a task is to tell the classes of another column that occur among its examples. It is split on its own, with
    the shares of the whole, and standardised by its own training part.

    Attributes:
        divide: The column by whose classes examples are divided; the classes are the tasks' names.
        predict: The column that these tasks predict.
    """

    divide: str = ""
    predict: str = ""

    def available(self) -> tuple[str, ...]:
        """Return the names of the tasks on all examples, and of those on a part of them."""
        return (*super().available(), *self.divisions())

    def divisions(self) -> tuple[str, ...]:
        """Return the names of the tasks on a part of the examples."""
        return class_codes(self.origin(), self.divide)[1]

    def offered(self) -> tuple[Task, ...]:
        """Return the tasks on all examples, and those on a part of them, each with a source of its own."""
        own = [(name, self.target_of(name)) for name in self.divisions()]
        return (
            *super().offered(),
            *(Task(n, t.kind, t.outputs, k, DEFAULT_METRICS[t.kind]) for k, (n, t) in enumerate(own, 1)),
        )

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the source of all examples, and that of every division."""
        (everything,) = super().whole()
        return (everything, *(self._info(everything, name) for name in self.divisions()))

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the examples of one division, or all."""
        if source.name not in self.divisions():
            return super().build(source, seed)
        members, values = _division(self.reading(), self.divide, source.name)
        train, drawn = source.rows["train"], self.split_seed(seed)
        rows = self.rows_of(source.name, train, drawn)
        splits = {role: np.searchsorted(members, part) for role, part in rows.items()}
        targets = {source.name: _within(self.origin(), self.divide, source.name, self.predict)[0][members]}
        scaling = self.scaled(lambda: moments(values, splits["train"]))
        return Source(source.name, values, targets, splits, {}, scaling, self.augment())

    def target_of(self, task: str) -> Target:
        """Return a task's target; -1 in the rows that are not its own."""
        if task in (self.targets or {}) or task in (self.groups or {}):
            return super().target_of(task)
        codes, classes = _within(self.origin(), self.divide, task, self.predict)
        return Target("multiclass", len(classes), codes, False)

    def class_names(self, task: str) -> tuple[str, ...] | None:
        """Return the names of a task's classes; None where a task says yes or no."""
        if task in (self.targets or {}) or task in (self.groups or {}):
            return super().class_names(task)
        return _within(self.origin(), self.divide, task, self.predict)[1]

    def columns_of(self, task: str) -> tuple[str, ...]:
        """Return the columns of a task's target."""
        if task in (self.targets or {}) or task in (self.groups or {}):
            return super().columns_of(task)
        return (self.divide, self.predict)

    def rows_of(self, source: str, train: int, seed: int | None) -> Mapping[str, np.ndarray]:
        """Return the row numbers, of the whole, of a source's parts."""
        if source not in self.divisions():
            return super().rows_of(source, train, seed)
        within = (self.divide, source)
        return rows_by_part(self.origin(), self.shares(), (self.predict,), train, seed, within)

    def faults(self) -> Iterator[Fault]:
        """Yield everything that is wrong with the settings, or with the data."""
        before = list(super().faults())
        yield from before
        if before:
            return
        parts = [name for name in self.selected() if name in self.divisions()]
        if parts and len(parts) < len(self.selected()):
            rule = "must be tasks on all examples, or tasks on a part of them: what one tests on, another trains on"
            yield Fault("tasks", rule, list(self.selected()))

    def _info(self, everything: SourceInfo, name: str) -> SourceInfo:
        sizes = part_sizes(self.origin(), self.shares(), (self.divide, name))
        return SourceInfo(name, everything.input_shape, sizes, None, everything.pixels, everything.augment)

    def _has_tasks(self) -> bool:
        return True


@cache
def _division(reading: Reading, divide: str, division: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers of a division, and its inputs, the same objects every time."""
    codes, classes = class_codes(reading.origin, divide)
    members = np.flatnonzero(codes == classes.index(division))
    return read_only(members), read_only(inputs(reading)[members])


@cache
def _within(origin: Origin, divide: str, division: str, predict: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the class of every row among those that a division has, -1 in other rows, and their names.

    Raises:
        ConfigError: it has only one.
    """
    groups, names = class_codes(origin, divide)
    codes, known = class_codes(origin, predict)
    mine = groups == names.index(division)
    kept = np.unique(codes[mine & (codes >= 0)])
    if len(kept) < 2:
        rule = f"must have two classes of column {predict} or more among the examples of each task"
        raise ConfigError([Fault("predict", rule, division)])
    return read_only(np.where(mine, np.searchsorted(kept, codes), -1)), tuple(known[k] for k in kept)
