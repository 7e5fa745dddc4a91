"""What the suites of the Hub and of disk have in common: a data set that the library `datasets` reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar

import numpy as np

from mtlrun.config import ADDED, FORMERLY, PLACE
from mtlrun.data.checks.label_checks import PartLabels, label_faults
from mtlrun.data.checks.split_remedy import Lack, remedy
from mtlrun.data.hub.faults import setting_faults
from mtlrun.data.hub.reading.inputs import Reading, Scaling, example_shape, inputs, moments, reads_images
from mtlrun.data.hub.reading.origin import Origin, column_digest, official_rows
from mtlrun.data.hub.reading.parts import Shares, part_sizes, rows_by_part
from mtlrun.data.hub.reading.targets import Target, class_codes, member_target, standardised, target
from mtlrun.data.hub.reading.text import text_digest
from mtlrun.data.suite import Suite, content_faults
from mtlrun.data.task import DEFAULT_METRICS, Augment, Source, SourceInfo, Task
from mtlrun.errors import ConfigError, Fault

S = TypeVar("S", bound="HubSuite")

Targets = dict[str, str | list[str]]
Groups = dict[str, list[int | str]]


@dataclass
class HubSuite(Suite):
    """Tasks on one data set, from the Hub or from disk.

    `path` is a folder that `save_to_disk` wrote, a folder of Parquet or CSV files or of images in a folder for each
    class, one such file, or a name on the Hub. Images stay bytes on the device and are standardised there, by mean
    and deviation of the training part; numbers are standardised likewise. A split that the data lack is cut from the
    training split, stratified. Run ids depend on what the columns hold, not on where they lie.

    Attributes:
        path: Where the data are.
        config: Which configuration (subset) of them, where there are several.
        revision: Branch, tag or commit on the Hub.
        inputs: The column of images, of lists of numbers, or columns of numbers.
        targets: By task name the column that it predicts, or columns that are labels or amounts of one task.
        groups: By task name classes of the column `stratify`; the task is whether an example has one of them.
        kinds: By task name its kind, where it should not be inferred.
        splits: A number of random splits, as of every suite; or by role (train, val, test) the name of its split in
            the data, which is then `split_names`.
        split_names: By role the name of its split in the data, where that is no usual one.
        val: Rows of the validation part where the data have none: a number, or a fraction of the training split.
        test: The same for the test part.
        stratify: The column by whose classes splits are stratified; None takes that of the first target.
        size: Pixels of both sides, to which images are brought; None where they have one size already.
        channels: 1 or 3, to which images are brought; None where they have one number already.
        standardise: By mean and deviation of the training part; where false, images go from 0 to 1.
        flip: Mirror images of training batches at random.
        crop: Move images of training batches at random, by at most so many pixels.
        content: What tells the data; found when it is None, checked otherwise.
    """

    path: str = field(default="", metadata=PLACE)
    config: str | None = field(default=None, metadata=PLACE)
    revision: str | None = field(default=None, metadata=PLACE)
    inputs: str | list[str] = "image"
    targets: Targets | None = None
    groups: Groups | None = None
    kinds: dict[str, str] | None = None
    splits: int | dict[str, str] | None = field(default=None, kw_only=True, metadata=ADDED)  # type: ignore[assignment]
    split_names: dict[str, str] | None = field(default=None, kw_only=True, metadata=PLACE)
    val: int | float = 0.1
    test: int | float = 0.2
    stratify: str | None = None
    size: int | None = None
    channels: int | None = field(default=None, metadata={FORMERLY: "colours"})
    standardise: bool = True
    flip: bool = False
    crop: int = 0
    content: str | None = None

    def __post_init__(self) -> None:
        """Take names in `splits` for `split_names`, so that ids hold the number of random splits alone."""
        if isinstance(self.splits, dict):
            self.split_names, self.splits = {**self.splits, **(self.split_names or {})}, None

    def origin(self) -> Origin:
        """Return where the data are."""
        return Origin(self.path, self.config, self.revision, tuple(sorted((self.split_names or {}).items())))

    def offered(self) -> tuple[Task, ...]:
        """Return a task for each entry of `targets` and `groups`."""
        found = {name: self.target_of(name) for name in (*(self.targets or {}), *(self.groups or {}))}
        return tuple(
            Task(name, t.kind, t.outputs, 0, DEFAULT_METRICS[t.kind], t.partial) for name, t in found.items()
        )

    def available(self) -> tuple[str, ...]:
        """Return the names of all tasks."""
        return (*(self.targets or {}), *(self.groups or {}))

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the one source."""
        shape = example_shape(self.reading())
        sizes = part_sizes(self.origin(), self.shares())
        return (SourceInfo("examples", shape, sizes, pixels=self.has_images(), augment=self.augment()),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the examples with the selected targets."""
        train, drawn = source.rows["train"], self.split_seed(seed)
        rows = self.rows_of(source.name, train, drawn)
        values = self.examples()
        targets, units = {}, {}
        for name in self.selected():
            found = self.target_of(name)
            targets[name] = found.values
            if found.kind == "regression":
                targets[name], units[name] = _in_units(self, name, train, drawn)
        about = (self.shares(), self.strata(), train, drawn)
        scaling = self.scaled(lambda: _moments(self.reading(), *about))
        return Source(source.name, values, targets, dict(rows), units, scaling, self.augment())

    def narrowed(self: S, tasks: Sequence[str]) -> S:
        """Return the suite with these tasks alone, and what their columns hold."""
        found = super().narrowed(tasks)
        kept: dict[str, Any] = {
            "targets": {n: c for n, c in (self.targets or {}).items() if n in tasks},
            "groups": {n: c for n, c in (self.groups or {}).items() if n in tasks},
            "kinds": {n: k for n, k in (self.kinds or {}).items() if n in tasks},
        }
        found = replace(found, **kept, stratify=self.stratum(), content=None)
        return replace(found, content=found.digest())

    def faults(self) -> Iterator[Fault]:
        """Yield everything that is wrong with the settings, or with the data."""
        wrong = list(self.setting_faults())
        if not self._has_tasks():
            wrong.append(Fault("targets", "must name at least one task with its column, as {digit: label}"))
        yield from wrong
        if wrong:
            return
        try:
            official_rows(self.origin())
            tasks = {name: self.target_of(name) for name in self.available()}
            sources = self.whole()
            self.strata()
            self.examples()  # images are decoded here, once for all times, so that a damaged one is found now
        except ConfigError as error:
            yield from (fault for fault in error.faults if isinstance(fault, Fault))
            return
        yield from self._input_faults()
        yield from super().faults()
        offered = {task.name: task for task in self.offered()}
        chosen = [] if self.varies_split else [name for name in self.selected() if name in tasks]
        for name in chosen:  # splits that vary are checked with the seeds
            source, metric = sources[offered[name].source], offered[name].metrics[0]
            rows = self.rows_of(source.name, source.rows["train"], None)
            for fault in label_faults("tasks", tasks[name], self._named(name), metric, rows):
                yield fault._replace(rule=f"names {name}, which {fault.rule}")
        if offered.keys() >= {*self.selected()}:
            yield from content_faults(self.path, self.content, self.digest())

    def labels_of(self, seeds: Sequence[int]) -> Iterator[list[PartLabels]]:
        """Yield, for each seed, the labels of each selected task in that seed's split."""
        info = self.info()
        known = [
            (
                info.sources[task.source],
                (task.name, self.target_of(task.name), self._named(task.name), task.metrics[0]),
            )
            for task in info.tasks
        ]
        for seed in seeds:
            drawn = self.split_seed(seed)
            yield [
                PartLabels(*about, self.rows_of(source.name, source.rows["train"], drawn))
                for source, about in known
            ]

    def split_remedy(self, lacks: Sequence[Lack]) -> str:
        """Return which settings help where splits lack classes, a sentence."""
        lacking = {lack.task for lack in lacks}
        columns = {name: self.columns_of(name) for name in self.selected() if name in lacking}
        return remedy(lacks, columns, None if self.groups else self.strata(), several=False)

    def _named(self, task: str) -> tuple[str, ...]:
        """Return what the classes of a task are called; of one without classes, its columns."""
        return (
            ("no", "yes") if task in (self.groups or {}) else self.class_names(task) or self.columns_of(task)
        )

    def _input_faults(self) -> Iterator[Fault]:
        """Yield what is wrong with the inputs."""
        if self.augment() and not self.has_images():
            yield Fault("flip" if self.flip else "crop", "is for images, and inputs are none")
        for task in self.available():
            for name in {*self.columns_of(task)} & {*self.input_columns()}:
                yield Fault("inputs", f"must not name the column of task {task}", name)

    def setting_faults(self) -> Iterator[Fault]:
        """Yield what is wrong with the settings, whatever the data."""
        yield from setting_faults(self)

    def digest(self) -> str:
        """Return what tells the content of the columns that the selected tasks use, 16 hex digits."""
        used = {*self.input_columns(), self.stratum(), *self.needed()}
        used |= {c for name in self.selected() for c in self.columns_of(name)}
        lines = [f"{name} {column_digest(self.origin(), name)}" for name in sorted(used)]
        text = self.reading().text
        lines += [] if text is None else [text_digest(text)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def needed(self) -> tuple[str, ...]:
        """Return further columns that a suite reads."""
        return ()

    def input_columns(self) -> tuple[str, ...]:
        """Return the columns of the inputs."""
        return (self.inputs,) if isinstance(self.inputs, str) else tuple(self.inputs)

    def examples(self) -> np.ndarray:
        """Return the inputs of all rows, the same object every time."""
        return inputs(self.reading())

    def reading(self) -> Reading:
        """Return what inputs are read from, and how."""
        return Reading(self.origin(), self.input_columns(), self.size, self.channels)

    def columns_of(self, task: str) -> tuple[str, ...]:
        """Return the columns of a task's target."""
        if task in (self.groups or {}):
            return (self.stratum(),)
        columns = (self.targets or {})[task]
        return (columns,) if isinstance(columns, str) else tuple(columns)

    def target_of(self, task: str) -> Target:
        """Return a task's target, regression as it was measured.

        Raises:
            ConfigError: its columns are no target.
        """
        if task in (self.groups or {}):
            return member_target(self.origin(), self.stratum(), tuple(map(str, (self.groups or {})[task])))
        return target(self.origin(), self.columns_of(task), (self.kinds or {}).get(task))

    def class_names(self, task: str) -> tuple[str, ...] | None:
        """Return the names of a multiclass or binary task's classes; None where a task of groups says yes or no."""
        columns, found = self.columns_of(task), self.target_of(task)
        if task in (self.groups or {}) or len(columns) > 1 or found.kind not in ("multiclass", "binary"):
            return None
        return class_codes(self.origin(), columns[0])[1]

    def stratum(self) -> str:
        """Return the column by which splits are stratified."""
        if self.stratify is not None or not (self.targets or {}):
            return self.stratify or ""
        first = next(iter((self.targets or {}).values()))
        return first if isinstance(first, str) else first[0]

    def strata(self) -> tuple[str, ...]:
        """Return the columns by whose classes splits are stratified; none where it holds amounts."""
        stratum = self.stratum()
        amounts = target(self.origin(), (stratum,), None).kind == "regression"
        return () if amounts else (stratum,)

    def rows_of(self, source: str, train: int, seed: int | None) -> Mapping[str, np.ndarray]:
        """Return the row numbers of a source's parts, with so many training rows; the same objects every time."""
        return rows_by_part(self.origin(), self.shares(), self.strata(), train, seed)

    def shares(self) -> Shares:
        """Return how large parts are that the data lack."""
        return Shares(self.val, self.test)

    def has_images(self) -> bool:
        """Say whether inputs are images."""
        return reads_images(self.origin(), self.input_columns())

    def scaled(self, measured: Callable[[], Scaling]) -> Scaling | None:
        """Return by what inputs are standardised on the device; what was measured, unless settings say otherwise."""
        if self.standardise:
            return measured()
        if not self.has_images():
            return None
        channels = self.examples().shape[1]
        return np.zeros(channels, np.float32), np.full(channels, 255, np.float32)

    def augment(self) -> Augment | None:
        """Return how training batches are varied."""
        return Augment(self.flip, self.crop) if self.flip or self.crop else None

    def _has_tasks(self) -> bool:
        return bool(self.targets or self.groups)


def _in_units(suite: HubSuite, name: str, train: int, seed: int | None) -> tuple[np.ndarray, Scaling]:
    key = (suite.origin(), suite.columns_of(name), (suite.kinds or {}).get(name))
    return _standardised(*key, suite.shares(), suite.strata(), train, seed)


@cache
def _standardised(
    origin: Origin,
    columns: tuple[str, ...],
    kind: str | None,
    shares: Shares,
    strata: tuple[str, ...],
    train: int,
    seed: int | None,
) -> tuple[np.ndarray, Scaling]:
    rows = rows_by_part(origin, shares, strata, train, seed)["train"]
    return standardised(target(origin, columns, kind).values, rows)


@cache
def _moments(
    reading: Reading, shares: Shares, strata: tuple[str, ...], train: int, seed: int | None
) -> Scaling:
    return moments(inputs(reading), rows_by_part(reading.origin, shares, strata, train, seed)["train"])
