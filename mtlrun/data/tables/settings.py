"""What a table's settings say, and what they give: columns, targets, inputs and the rows of each part."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from mtlrun.config import PLACE
from mtlrun.data.checks.label_checks import PartLabels
from mtlrun.data.checks.split_remedy import Lack, remedy
from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.splits import train_rows
from mtlrun.data.tables.column_roles import default_inputs, metrics_of
from mtlrun.data.tables.columns import Column, Columns, opened
from mtlrun.data.tables.dialect import SIGNS
from mtlrun.data.tables.file_settings import FileSettings
from mtlrun.data.tables.first_look.duplicates import row_marks
from mtlrun.data.tables.inputs import Block, Fitted, block_of, in_order, prepared
from mtlrun.data.tables.labels import classes_of, target
from mtlrun.data.tables.missing import words_of
from mtlrun.data.tables.parts import Cut, cut_of, rows_by_part
from mtlrun.data.tables.rare import Rare
from mtlrun.data.tables.reading import File, read
from mtlrun.data.targets import Target, standardised
from mtlrun.data.task import Source, SourceInfo, Task

S = TypeVar("S", bound="TableSettings")

Targets = dict[str, str | list[str]]


@dataclass
class TableSettings(FileSettings):
    """Fields and accessors of `mtlrun.data.tables.table.Table`, which says what each field means."""

    path: str = field(default="", metadata=PLACE)
    targets: Targets | None = None
    inputs: list[str] | None = None
    ignored: list[str] | None = None
    types: dict[str, str] | None = None
    kinds: dict[str, str] | None = None
    metrics: dict[str, str | list[str]] | None = None
    stratify: str | list[str] | None = None
    content: str | None = None

    def file(self) -> File:
        """Return where the table lies."""
        text = tuple(sorted(n for n, kind in (self.types or {}).items() if kind == "category" or "%" in kind))
        delimiter = SIGNS.get(self.delimiter or "", self.delimiter)
        missing = words_of(self.missing)
        return File(self.path, delimiter, SIGNS[self.decimal], self.encoding, self.sheet, missing, text)

    def offered(self) -> tuple[Task, ...]:
        """Return a task for each entry of `targets`."""
        found = {name: self.target_of(name) for name in self.targets or {}}
        return tuple(
            Task(name, t.kind, t.outputs, 0, metrics_of(self.metrics, name, t.kind), t.partial)
            for name, t in found.items()
        )

    def available(self) -> tuple[str, ...]:
        """Return the names of all tasks."""
        return tuple(self.targets or {})

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the one source."""
        rows = rows_by_part(self.cut(), None, self.split_seed(0))
        blocks = self.blocks()
        width = sum(block.width for block in blocks)
        sizes = {role: len(part) for role, part in rows.items()}
        return (SourceInfo("rows", (width,), sizes, embedded=self.embedded(blocks)),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the rows with the selected targets."""
        rows = self.rows_of(source.rows["train"], self.split_seed(seed))
        targets, units = {}, {}
        for name in self.selected():
            found = self.target_of(name)
            targets[name] = found.values
            if found.kind == "regression":
                targets[name], units[name] = _standardised(found, IdentityKey(rows["train"]))
        groups = self.cut().groups
        return Source(source.name, self.prepared(rows["train"])[0], targets, dict(rows), units, groups=groups)

    def narrowed(self: S, tasks: Sequence[str]) -> S:
        """Return the suite with these tasks alone, its inputs by name, and what its columns hold."""
        kinds = {task.name: task.kind for task in self.offered()}
        asked = {n: (self.metrics or {}).get(n, (self.metrics or {}).get(kinds[n])) for n in tasks}
        found = replace(
            super().narrowed(tasks),
            targets={n: c for n, c in (self.targets or {}).items() if n in tasks},
            kinds={n: k for n, k in (self.kinds or {}).items() if n in tasks},
            metrics={n: metric for n, metric in asked.items() if metric is not None},
            inputs=list(self.input_columns()),
            ignored=None,
            most_categories=type(self).most_categories,
            stratify=self._canonical_strata(),
            content=None,
            **self._rare_of(tasks),
        )
        used = found.used()
        found = replace(found, types={n: k for n, k in (self.types or {}).items() if n in used})
        return replace(found, content=found.digest())

    def _rare_of(self, tasks: Sequence[str]) -> dict[str, Any]:
        """Return the settings of rare classes, at their defaults where no task has one: they change nothing then."""
        known = [self.columns_of(task) for task in tasks]
        if any(
            self.class_names(task) != replace(self, rare="keep").class_names(task)
            for task, columns in zip(tasks, known, strict=True)
            if len(columns) == 1
        ):
            return {}
        return {"rare": "keep", "rare_below": type(self).rare_below}

    def used(self) -> tuple[str, ...]:
        """Return the columns that the selected tasks use."""
        others = (*self.strata(), self.group, self.split)
        targets = [name for task in self.selected() for name in self.columns_of(task)]
        return tuple(sorted({*self.input_columns(), *targets, *(name for name in others if name)}))

    def digest(self) -> str:
        """Return what tells the content of the columns that the selected tasks use, 16 hex digits."""
        columns = self.columns()
        lines = [f"{name} {columns.column(name).digest}" for name in self.used()]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def columns(self) -> Columns:
        """Return the columns of the file, which is looked for once.

        Raises:
            ConfigError: the file cannot be read.
        """
        return opened(self.file(), tuple(sorted((self.types or {}).items())))

    def column(self, name: str, key: str = "path") -> Column:
        """Return a column; `key` is of the setting that names it.

        Raises:
            ConfigError: there is none, or it cannot be what `types` says.
        """
        return self.columns().column(name, key)

    def columns_of(self, task: str) -> tuple[str, ...]:
        """Return the columns of a task's target."""
        found = (self.targets or {})[task]
        return (found,) if isinstance(found, str) else tuple(found)

    def target_of(self, task: str) -> Target:
        """Return a task's target, regression as it was measured.

        Raises:
            ConfigError: its columns are no target.
        """
        columns = tuple(self.column(name, f"targets.{task}") for name in self.columns_of(task))
        return target(columns, (self.kinds or {}).get(task), Rare(self.rare, self.rare_below))

    def class_names(self, task: str) -> tuple[str, ...] | None:
        """Return the names of a multiclass or binary task's classes."""
        columns, kind = self.columns_of(task), (self.kinds or {}).get(task)
        if len(columns) != 1:
            return None
        return classes_of(self.column(columns[0]), kind, Rare(self.rare, self.rare_below))

    def input_columns(self) -> tuple[str, ...]:
        """Return the columns of the inputs."""
        return default_inputs(self) if self.inputs is None else tuple(self.inputs)

    def blocks(self) -> tuple[Block, ...]:
        """Return what is made of the input columns; of those that are the same in every row, nothing."""
        columns = self.columns()
        found = (block_of(columns.column(name, "inputs")) for name in self.input_columns())
        return in_order([block for block in found if block is not None])

    def embedded(self, blocks: Sequence[Block]) -> tuple[tuple[int, int], ...]:
        """Return how many numbers each category makes, and how many its embedding; they stand last."""
        if self.categories == "onehot":
            return ()
        widths = [block.width for block in blocks if block.kind == "category"]
        return tuple((width, min(self.embedding, (width + 1) // 2)) for width in widths)

    def strata(self) -> tuple[str, ...]:
        """Return the columns by which rows are spread evenly."""
        if self.stratify is None and self.targets:
            return (self.columns_of(next(iter(self.targets)))[0],)
        given = [self.stratify or ""] if not isinstance(self.stratify, list) else self.stratify
        return tuple(name for name in dict.fromkeys(given) if name)

    def cut(self) -> Cut:
        """Return how the rows are divided, the same object every time."""
        strata = tuple(self.column(name, "stratify") for name in self.strata())
        by = {"group": self.group, "split": self.split}
        found = [self.column(name, key) if name else None for key, name in by.items()]
        marks = row_marks(self._inputs()) if self.duplicates == "together" else None
        return cut_of(read(self.file()).num_rows, self.val, self.test, strata, *found, marks)

    def _inputs(self) -> tuple[Column, ...]:
        columns = self.columns()
        return tuple(columns.column(name, "inputs") for name in self.input_columns())

    def rows_of(self, train: int | None, seed: int | None) -> Mapping[str, np.ndarray]:
        """Return the row numbers of each part, with so many training rows; the same objects every time."""
        return rows_by_part(self.cut(), train, seed)

    def labels_of(self, seeds: Sequence[int]) -> Iterator[list[PartLabels]]:
        """Yield, for each seed, the labels of each selected task in that seed's split."""
        train = self.training_rows(len(self.rows_of(None, self.split_seed(0))["train"]))
        tasks = {task.name: task for task in self.offered()}
        known = [
            (
                name,
                self.target_of(name),
                self.class_names(name) or self.columns_of(name),
                tasks[name].metrics[0],
            )
            for name in self.selected()
        ]
        cut = self.cut()
        for seed in seeds:
            rows = rows_by_part(cut, train, self.split_seed(seed))
            yield [PartLabels(*about, rows) for about in known]

    def split_remedy(self, lacks: Sequence[Lack]) -> str:
        """Return which settings help where splits lack classes, a sentence."""
        lacking = {lack.task for lack in lacks}
        columns = {name: self.columns_of(name) for name in self.selected() if name in lacking}
        return remedy(lacks, columns, None if self.group else self.strata(), several=True)

    def training_rows(self, available: int) -> int:
        """Return how many of the training rows `train_size` leaves; all where it is a fault."""
        rows = train_rows(self.train_size, available)
        return rows if 0 < rows <= available else available

    def _canonical_strata(self) -> str | list[str]:
        strata = self.strata()
        return list(strata) if len(strata) > 1 else "".join(strata)

    def prepared(self, train: np.ndarray) -> tuple[np.ndarray, Fitted]:
        """Return the inputs of all rows and how they are standardised by the training rows."""
        blocks, columns = self.blocks(), self.columns()
        return prepared(blocks, tuple(columns.column(block.column) for block in blocks), IdentityKey(train))


@lru_cache(maxsize=256)
def _standardised(
    found: Target, train: IdentityKey[np.ndarray]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    return standardised(found.values, train.it)
