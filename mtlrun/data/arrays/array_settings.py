"""What the settings of a suite of arrays say, and what they give: arrays, targets and the rows of each part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from mtlrun.config import PLACE
from mtlrun.data.arrays.checks import IMAGES
from mtlrun.data.arrays.content import Arrays, array_digest, digest
from mtlrun.data.arrays.inputs import as_bytes, fitted, pixel_moments
from mtlrun.data.arrays.npz import held
from mtlrun.data.checks.label_checks import PartLabels
from mtlrun.data.checks.split_remedy import Lack, remedy
from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.input_files import read_numbers
from mtlrun.data.splits import train_rows
from mtlrun.data.suite import Suite
from mtlrun.data.tables.column_roles import metrics_of
from mtlrun.data.tables.columns import Column
from mtlrun.data.tables.labels import classes_of, target
from mtlrun.data.tables.parts import Cut, cut_of, rows_by_part
from mtlrun.data.targets import Target, standardised
from mtlrun.data.task import Augment, Source, SourceInfo, Task

S = TypeVar("S", bound="ArraySettings")


@dataclass
class ArraySettings(Suite):
    """Fields and accessors of `mtlrun.data.arrays.array_file.ArrayFile`, which says what each field means."""

    path: str = field(default="", metadata=PLACE)
    name: str = field(default="arrays", metadata=PLACE)
    kinds: dict[str, str] | None = None
    metrics: dict[str, str | list[str]] | None = None
    val: int | float = 0.1
    test: int | float = 0.2
    stratify: str | list[str] | None = None
    standardise: bool = True
    flip: bool = False
    crop: int = 0
    content: str | None = None

    def arrays(self) -> Arrays:
        """Return what the file holds, the same object as long as it does not change.

        Raises:
            ConfigError: it cannot be read, or holds something else.
        """
        return held(self.path)

    def called(self) -> str:
        """Return what reports call the suite."""
        return self.name

    def available(self) -> tuple[str, ...]:
        """Return the names of all tasks."""
        return tuple(self.arrays().targets)

    def offered(self) -> tuple[Task, ...]:
        """Return a task for each target."""
        found = {name: self.target_of(name) for name in self.available()}
        return tuple(
            Task(name, t.kind, t.outputs, 0, metrics_of(self.metrics, name, t.kind), t.partial)
            for name, t in found.items()
        )

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the one source."""
        sizes = {role: len(rows) for role, rows in self.rows_of(None, self.split_seed(0)).items()}
        found = self.arrays()
        shape = tuple(found.inputs.shape[1:])
        return (SourceInfo("rows", shape, sizes, pixels=found.pixels, augment=self.augment()),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the rows with the selected targets."""
        rows = self.rows_of(source.rows["train"], self.split_seed(seed))
        found, train = self.arrays(), IdentityKey(rows["train"])
        targets, units = {}, {}
        for name in self.selected():
            about = self.target_of(name)
            targets[name] = about.values
            if about.kind == "regression":
                targets[name], units[name] = _standardised(about, train)
        inputs, scaling = found.inputs, None
        if not self.has_images():
            inputs = fitted(IdentityKey(found), train, self.standardise).inputs
        elif self.standardise or found.pixels:
            scaling = pixel_moments(IdentityKey(found), train) if self.standardise else as_bytes(found)
        groups = self.cut().groups
        return Source(source.name, inputs, targets, dict(rows), units, scaling, self.augment(), groups)

    def narrowed(self: S, tasks: Sequence[str]) -> S:
        """Return the suite with these tasks alone, and what their arrays hold."""
        kinds = {task.name: task.kind for task in self.offered()}
        asked = {n: (self.metrics or {}).get(n, (self.metrics or {}).get(kinds[n])) for n in tasks}
        strata = self.strata()
        found = replace(
            super().narrowed(tasks),
            kinds={n: k for n, k in (self.kinds or {}).items() if n in tasks},
            metrics={n: metric for n, metric in asked.items() if metric is not None},
            stratify=list(strata) if len(strata) > 1 else "".join(strata),
            content=None,
        )
        return replace(found, content=found.digest())

    def digest(self) -> str:
        """Return what tells the inputs, the targets of selected tasks, and how rows are divided: 16 hex digits."""
        found, cut = self.arrays(), self.cut()
        lines = [found.input_digest, f"strata {array_digest(cut.strata)}"]
        lines += [f"{name} {column.digest}" for name, column in self._dividing().items() if column]
        return digest(
            [*lines, *(f"target {name} {found.task_digest(name)}" for name in sorted(self.selected()))]
        )

    def target_of(self, task: str) -> Target:
        """Return a task's target, regression as it was measured.

        Raises:
            ConfigError: its array is no target.
        """
        return target(self.arrays().targets[task], (self.kinds or {}).get(task))

    def class_names(self, task: str) -> tuple[str, ...] | None:
        """Return the names of a multiclass or binary task's classes."""
        columns = self.arrays().targets[task]
        return classes_of(columns[0], (self.kinds or {}).get(task)) if len(columns) == 1 else None

    def named(self, task: str) -> tuple[str, ...]:
        """Return what the classes of a task are called; of one without classes, its columns."""
        return self.class_names(task) or tuple(column.name for column in self.arrays().targets[task])

    def has_images(self) -> bool:
        """Say whether inputs are images."""
        return self.arrays().inputs.ndim == IMAGES

    def augment(self) -> Augment | None:
        """Return how training batches are varied."""
        return Augment(self.flip, self.crop) if self.flip or self.crop else None

    def strata(self) -> tuple[str, ...]:
        """Return the tasks by which rows are spread evenly."""
        if self.stratify is None:
            return self.available()[:1]
        given = self.stratify if isinstance(self.stratify, list) else [self.stratify]
        return tuple(name for name in dict.fromkeys(given) if name)

    def cut(self) -> Cut:
        """Return how the rows are divided, the same object every time."""
        found = self.arrays()
        strata = tuple(found.targets[name][0] for name in self.strata())
        dividing = self._dividing()
        return cut_of(len(found.inputs), self.val, self.test, strata, dividing["groups"], dividing["split"])

    def rows_of(self, train: int | None, seed: int | None) -> Mapping[str, np.ndarray]:
        """Return the row numbers of each part, with so many training rows; the same objects every time."""
        return rows_by_part(self.cut(), train, seed)

    def labels_of(self, seeds: Sequence[int]) -> Iterator[list[PartLabels]]:
        """Yield, for each seed, the labels of each selected task in that seed's split."""
        train = self.training_rows(len(self.rows_of(None, self.split_seed(0))["train"]))
        tasks = {task.name: task for task in self.offered()}
        known = [(n, self.target_of(n), self.named(n), tasks[n].metrics[0]) for n in self.selected()]
        for seed in seeds:
            rows = self.rows_of(train, self.split_seed(seed))
            yield [PartLabels(*about, rows) for about in known]

    def split_remedy(self, lacks: Sequence[Lack]) -> str:
        """Return which settings help where splits lack classes, a sentence."""
        lacking = {lack.task for lack in lacks}
        names = {name: (name,) for name in self.selected() if name in lacking}
        return remedy(lacks, names, None if self.arrays().groups else self.strata(), several=True)

    def training_rows(self, available: int) -> int:
        """Return how many of the training rows `train_size` leaves; all where it is a fault."""
        rows = train_rows(self.train_size, available)
        return rows if 0 < rows <= available else available

    def examples_of(self, paths: Sequence[Path], seed: int) -> list[np.ndarray] | None:
        """Return the inputs of other files, one a source, standardised as those of this seed's run were."""
        if self.has_images():
            return None
        (source,) = self.info().sources
        train = self.rows_of(source.rows["train"], self.split_seed(seed))["train"]
        how = fitted(IdentityKey(self.arrays()), IdentityKey(train), self.standardise)
        return [how.applied(read_numbers(path, source)) for path in paths]

    def _dividing(self) -> dict[str, Column | None]:
        return {"groups": self.arrays().groups, "split": self.arrays().split}


@lru_cache(maxsize=256)
def _standardised(
    found: Target, train: IdentityKey[np.ndarray]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    return standardised(found.values, train.it)
