"""Suite `tables`: a file and a target for each task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mtlrun.config import PLACE
from mtlrun.data.checks.label_checks import PartLabels
from mtlrun.data.tables.columns import names
from mtlrun.data.tables.faults import unread
from mtlrun.data.tables.file_settings import FileSettings
from mtlrun.data.tables.first_look.look import Look
from mtlrun.data.tables.settings import Targets
from mtlrun.data.tables.table import Table
from mtlrun.data.task import Source, SourceInfo, Task
from mtlrun.errors import ConfigError, Fault

S = TypeVar("S", bound="Tables")

SAME = (*FileSettings.__annotations__, "train_size", "resplit", "splits")
"""Settings that all tables have."""

OWN_KEYS = {"path": "paths", "inputs": "inputs", "content": "content", "targets": "targets"}
"""By key of a fault of one table the setting that has an entry for it."""


@dataclass
class Tables(FileSettings):
    """Tasks with a table each, read and prepared as `suite=table` does with one.

    Each table has a first layer of its own, its stem, from its inputs to `stem` numbers: a dense layer without
    activation, which the task owns. What comes after is shared as the sharing scheme says. Tasks on the rows of one
    table are for `suite=table`: here each table is split on its own, even where two tasks name the same file.

    Attributes:
        paths: By task name its file.
        targets: By task name the column that it predicts, or columns that are labels or amounts of the task.
        inputs: Columns of every table, or by task name those of its own; None takes all that serve.
        ignored: Columns that are no inputs, of any table.
        stem: Numbers that each table's own first layer makes of its inputs; None for no such layers, where tables
            must have equally many inputs.
        types: By column what it holds, in any table, where that is not to be inferred.
        kinds: By task name its kind, where it should not be inferred.
        metrics: By task name or kind its primary metric, or several of which the first is primary.
        categories: `onehot`, or `embedded` for an embedding of each, learned in the stem.
        embedding: Numbers of an embedding, at most.
        most_categories: Columns of text with more are no inputs, unless they are named.
        group: Column of groups, in every table, of which each is in one part of the split.
        split: Column that says each row's part, in every table.
        val: Rows of the validation parts: a number, or a fraction of the rows that are divided.
        test: The same of the test parts.
        delimiter: Between values of text files; as `semicolon` or ;. None finds out.
        decimal: The sign before decimals in text files.
        encoding: Of text files.
        missing: Words that count as missing, in addition to those of `missing.DEFAULT`; a list with one of these, or
            [], has all that count besides the empty cell.
        sheet: Of workbooks; None takes the first.
        content: By task name what tells its data; found when it is None, checked otherwise.
        rare: What is done with classes of few rows, of targets with more than two: `keep`, `join` into one class, or
            `drop`, which leaves their rows out.
        rare_below: Rows of a table under which a class is rare.
        duplicates: `together` keeps rows with equal inputs in one part of the split.
    """

    paths: dict[str, str] | None = field(default=None, metadata=PLACE)
    targets: Targets | None = None
    inputs: list[str] | dict[str, list[str]] | None = None
    ignored: list[str] | None = None
    stem: int | None = 32
    types: dict[str, str] | None = None
    kinds: dict[str, str] | None = None
    metrics: dict[str, str | list[str]] | None = None
    content: dict[str, str] | None = None

    def available(self) -> tuple[str, ...]:
        """Return the names of all tasks."""
        return tuple(self.targets or {})

    def offered(self) -> tuple[Task, ...]:
        """Return a task for each entry of `targets`, each with a source of its own."""
        found = (self.table(name).offered()[0] for name in self.in_order())
        return tuple(replace(task, source=place) for place, task in enumerate(found))

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return a source for each task, called as the task is."""
        found = [(name, self.table(name).whole()[0]) for name in self.in_order()]
        if self.stem is None:
            return tuple(replace(source, name=name) for name, source in found)
        return tuple(replace(source, name=name, stem=self.stem) for name, source in found)

    def in_order(self) -> tuple[str, ...]:
        """Return all tasks, those that are trained first: stored settings keep the order of `tasks` alone."""
        known = self.available()
        first = [name for name in dict.fromkeys(self.selected()) if name in known]
        return (*first, *sorted(set(known) - set(first)))

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the rows of one task's table."""
        return replace(self.table(source.name).build(source, seed), name=source.name)

    def labels_of(self, seeds: Sequence[int]) -> Iterator[list[PartLabels]]:
        """Yield, for each seed, the labels of each selected task in its table's split."""
        by_table = [self.table(name).labels_of(seeds) for name in self.selected()]
        for found in zip(*by_table, strict=True):
            yield [labels for one in found for labels in one]

    def table(self, task: str) -> Table:
        """Return the suite of one task's table alone."""
        path = (self.paths or {}).get(task, "")
        beside = [n for n in self.available() if n != task and (self.paths or {}).get(n) == path]
        taken = [c for n in beside for c in self._columns(n) if c not in self._columns(task)]
        table = Table(tasks=[task], path=path, targets={task: (self.targets or {})[task]}, **self._about())
        known = _known(table)
        own = self.inputs.get(task) if isinstance(self.inputs, dict) else self.inputs
        return replace(
            table,
            inputs=own,
            ignored=[name for name in (*(self.ignored or ()), *taken) if name in known] or None,
            types={name: kind for name, kind in (self.types or {}).items() if name in known} or None,
            kinds={n: k for n, k in (self.kinds or {}).items() if n == task} or None,
            metrics={n: m for n, m in (self.metrics or {}).items() if n == task or n not in self.available()},
            content=(self.content or {}).get(task),
        )

    def narrowed(self: S, tasks: Sequence[str]) -> S:
        """Return the suite with these tasks alone, their inputs by name, and what their columns hold."""
        found = {name: self.table(name).narrowed([name]) for name in tasks}
        rare = self.rare if any(table.rare != "keep" for table in found.values()) else "keep"
        types = {column: kind for table in found.values() for column, kind in (table.types or {}).items()}
        merged: dict[str, Any] = {
            name: {task: kept for t in found.values() for task, kept in (getattr(t, name) or {}).items()}
            for name in ("targets", "kinds", "metrics")
        }
        return replace(
            super().narrowed(tasks),
            **merged,
            paths={name: path for name, path in (self.paths or {}).items() if name in tasks},
            inputs={name: list(table.inputs or ()) for name, table in found.items()},
            ignored=None,
            types=types,
            most_categories=type(self).most_categories,
            rare=rare,
            rare_below=self.rare_below if rare != "keep" else type(self).rare_below,
            content={name: str(table.content) for name, table in found.items()},
        )

    def faults(self) -> Iterator[Fault]:
        """Yield everything that is wrong with the settings, or with the tables."""
        found = {str(fault): fault for fault in self._faults()}  # those of all tables once
        yield from found.values()
        if not found:
            yield from super().faults()

    def notes(self) -> Iterator[str]:
        """Yield what a user should know of each table."""
        for name in self.selected():
            yield from (f"{name}: {note}" for note in self.table(name).notes())

    def looks(self) -> list[Look]:
        """Return a first look at each table; without targets, at each file."""
        if self.targets:
            return [look for name in self.available() for look in self.table(name).looks()]
        paths = dict.fromkeys((self.paths or {}).values())
        return [look for path in paths for look in Table(path=path, **self._about()).looks()]

    def class_names(self, task: str) -> tuple[str, ...] | None:
        """Return the names of a multiclass or binary task's classes."""
        return self.table(task).class_names(task)

    def examples_of(self, paths: Sequence[Path], seed: int) -> list[np.ndarray]:
        """Return the inputs of other tables, one a source, prepared as those of this seed's run were."""
        sources = self.info().sources
        return [
            self.table(source.name).examples_of([path], seed)[0]
            for source, path in zip(sources, paths, strict=True)
        ]

    def fresh_notes(self, paths: Sequence[Path]) -> Iterator[str]:
        """Yield the categories of other tables, one a source, that these do not have."""
        for source, path in zip(self.info().sources, paths, strict=True):
            yield from self.table(source.name).fresh_notes([path])

    def _about(self) -> dict[str, Any]:
        """Return the settings that all tables have."""
        return {name: getattr(self, name) for name in SAME}

    def _columns(self, task: str) -> list[str]:
        found = (self.targets or {})[task]
        return [found] if isinstance(found, str) else found

    def _faults(self) -> Iterator[Fault]:
        if not self.targets:
            yield Fault("targets", "must name at least one task with its column, as {heating: Y1}")
            for task, path in (self.paths or {}).items():
                for fault in unread(Table(path=path, **self._about())):
                    yield fault._replace(key=self._key(fault.key, task))
            return
        for key in ("paths", "kinds", "content", *(["inputs"] if isinstance(self.inputs, dict) else [])):
            for name in getattr(self, key) or {}:
                if name not in self.available():
                    yield Fault(key, "must name tasks of `suite.targets`", name, self.available())
        if self.stem is not None and self.stem < 1:
            yield Fault("stem", "must be at least 1, or null", self.stem)
        seen: set[str] = set()
        owner: dict[tuple[str, str], str] = {}
        for task in self.available():
            if task not in (self.paths or {}):
                yield Fault(f"paths.{task}", "must name the file of this task")
                continue
            table = self.table(task)
            for column in self._columns(task):
                first = owner.setdefault((table.path, column), task)
                if first != task:
                    rule = f"must have a column of its own, not that of `targets.{first}` in the same file"
                    yield Fault(f"targets.{task}", rule, column)
            seen.update(_known(table))
            for fault in table.faults():
                yield fault._replace(key=self._key(fault.key, task))
        for key in ("ignored", "types"):
            for name in (getattr(self, key) or ()) if seen else ():
                if name not in seen:
                    yield Fault(key, "must name columns of a table", name, sorted(seen))

    def _key(self, key: str, task: str) -> str:
        if key not in OWN_KEYS or (key == "inputs" and not isinstance(self.inputs, dict)):
            return key
        return f"{OWN_KEYS[key]}.{task}"


def _known(table: Table) -> tuple[str, ...]:
    """Return the columns of a table; none where it cannot be read."""
    try:
        return names(table.file())
    except ConfigError:
        return ()
