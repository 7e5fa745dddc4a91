"""What every suite can do: settings, task selection, sizes, label noise, faults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from mtlrun.config import ADDED, Configured
from mtlrun.data.checks.label_checks import PartLabels
from mtlrun.data.checks.split_remedy import Lack, remedy
from mtlrun.data.noise import noisy_targets, shuffled_targets
from mtlrun.data.objectives import class_weights, loss_text, objective_faults, own_losses, weights_of
from mtlrun.data.per_task import by_task, per_task_faults
from mtlrun.data.splits import train_rows
from mtlrun.data.targets import Target
from mtlrun.data.task import Source, SourceInfo, SuiteData, SuiteInfo, Task
from mtlrun.errors import ConfigError, Fault
from mtlrun.schema import text
from mtlrun.theory.linear import LinearNetwork

S = TypeVar("S", bound="Suite")


@dataclass
class Suite(Configured, ABC):
    """Tasks trained together, with their data. Nothing is checked before `faults`, `info` or `load`.

    A task's inputs, targets, noise and split never depend on which other tasks are selected, nor on their
    order.

    Attributes:
        tasks: Names of the tasks to train, in this order; None takes the suite's default selection.
        pairs: `all` asks for every pair of the selected tasks, of all available ones where `tasks` is None.
        primary: The task that is the goal, the others being there to help; None where all count the same.
        train_size: Training rows of each source: an int is a number of rows, a float a fraction in (0, 1].
        label_noise: Rate in [0, 1] of label noise in the training part: one number, one per selected task, or
            by task name (unnamed tasks get 0). See `mtlrun.data.noise`.
        resplit: Draw the split anew for each seed, in place of one fixed split.
        splits: Draw so many random splits, in place of one fixed split, and train every seed asked for on each. With
            K splits, seed s becomes the K seeds K s to K s + K - 1; a run's split is its seed modulo K.
        shuffled: Tasks whose training targets are shuffled, so that they say nothing of their inputs.
        losses: By task name a loss of the user's own, as `my_package.my_loss` or a mapping of `_target_` and its
            arguments; other tasks have the loss of their kind. See `mtlrun.training.loop.task_losses`.
        class_weights: `balanced` for every task with classes, or by task name `balanced` or a number for each class
            (each label of a multilabel task), with which its examples count in the training loss.
    """

    tasks: list[str] | None = None
    pairs: Literal["all"] | None = None
    primary: str | None = None
    train_size: int | float | None = None
    label_noise: float | list[float] | dict[str, float] = 0.0
    resplit: bool = False
    splits: int | None = field(default=None, kw_only=True, metadata=ADDED)
    shuffled: list[str] | None = field(default=None, kw_only=True, metadata=ADDED)
    losses: dict[str, Any] | None = field(default=None, kw_only=True, metadata=ADDED)
    class_weights: str | dict[str, Any] | None = field(default=None, kw_only=True, metadata=ADDED)

    PER_TASK: ClassVar[tuple[str, ...]] = ("label_noise",)

    @abstractmethod
    def offered(self) -> tuple[Task, ...]:
        """Return every task of the suite; their `source` counts the entries of `whole()`."""

    @abstractmethod
    def whole(self) -> tuple[SourceInfo, ...]:
        """Return every source of the suite, with the full training part."""

    @abstractmethod
    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the data of one source of `whole()`, without label noise.

        Args:
            source: Which one; its `rows["train"]` says how many training rows the split keeps.
            seed: Seed of the run.
        """

    @property
    def varies_split(self) -> bool:
        """Whether runs of different seeds may have different splits."""
        return self.resplit or self.splits is not None

    def split_seed(self, seed: int) -> int | None:
        """Return the seed that draws the split of a run with this seed; None for the one fixed split."""
        if self.resplit:
            return seed
        return seed % self.splits if self.splits else None

    def labels_of(self, seeds: Sequence[int]) -> Iterator[list[PartLabels]]:
        """Yield, for each seed, the labels of each selected task in that seed's split, before label noise.

        Suites whose inputs are costly to build override it: labels and row numbers are enough.
        """
        info = self.info()
        for seed in seeds:
            sources = [self.build(source, seed) for source in info.sources]
            yield [self._labels(task, sources[task.source]) for task in info.tasks]

    def _labels(self, task: Task, source: Source) -> PartLabels:
        found = Target(task.kind, task.outputs, source.targets[task.name], task.partial)
        names = self.class_names(task.name) or tuple(map(str, range(max(task.outputs, 2))))
        return PartLabels(task.name, found, names, task.metrics[0], source.splits)

    def split_remedy(self, lacks: Sequence[Lack]) -> str:
        """Return which settings help where splits lack classes, a sentence."""
        return remedy(lacks, {lack.task: (lack.task,) for lack in lacks}, None, several=False)

    def optimum(self, network: LinearNetwork, seed: int) -> tuple[float, ...] | None:
        """Return what training must come to: each selected task's primary metric on test at the optimum.

        Suites that can work it out do; others return None. See docs/theory.md.

        Args:
            network: what is trained, with the whole objective.
            seed: of the run.
        """
        return None

    def expectation(self, network: LinearNetwork) -> tuple[float, ...] | None:
        """Return the mean of `optimum` over all seeds, by a formula; None where there is none that is good."""
        return None

    def fingerprint(self) -> str | None:
        """Return what tells the content of the data, for a suite of a user's own; None to have the arrays hashed.

        Two texts must differ where the data of any seed do: run ids hold it, and stored runs are reused by it.
        """
        return None

    def notes(self) -> Iterator[str]:
        """Yield what a user should know of the data before training, besides faults."""
        return iter(())

    def looks(self) -> Sequence[Any]:
        """Return a first look at each table that the suite reads, as `mtlrun.data.tables.first_look.look.Look`."""
        return ()

    def examples_of(self, paths: Sequence[Path], seed: int) -> list[np.ndarray] | None:
        """Return the inputs (N, ...) of files, one a source, as those of a seed's run are; None for plain arrays.

        Raises:
            DataError: a file cannot be read, or does not fit.
        """
        return None

    def fresh_notes(self, paths: Sequence[Path]) -> Iterator[str]:
        """Yield what in files, one a source, is unlike all that runs were trained on.

        Raises:
            DataError: as of `examples_of`.
        """
        return iter(())

    def called(self) -> str | None:
        """Return what reports call the suite; None for the name of its option."""
        return None

    def class_names(self, task: str) -> tuple[str, ...] | None:
        """Return what the classes of a multiclass or binary task are called; None where numbers do."""
        return None

    def default(self) -> tuple[str, ...]:
        """Return the tasks that are trained when none are named: all, unless a suite says otherwise."""
        return self.available()

    def available(self) -> tuple[str, ...]:
        """Return the names of all tasks of the suite."""
        return tuple(task.name for task in self.offered())

    def selected(self) -> tuple[str, ...]:
        """Return the names of the tasks that the settings ask for, as given."""
        if self.tasks is not None:
            return tuple(self.tasks)
        return self.available() if self.pairs else self.default()

    def setting(self, field: str) -> dict[str, float]:
        """Return the number that a per-task field gives to each selected task."""
        return by_task(getattr(self, field), self.selected(), getattr(type(self), field))

    def narrowed(self: S, tasks: Sequence[str]) -> S:
        """Return the suite with only these of the selected tasks, in a canonical form.

        Per-task settings become one number where the tasks agree, else a number by name; a primary task that
        is left out or alone is forgotten. So the narrowed suites of two suites are equal where the data are.
        """
        changes: dict[str, Any] = {"tasks": list(tasks), "pairs": None}
        for name in self.PER_TASK:
            values = self.setting(name)
            kept = {task: values[task] for task in tasks}
            changes[name] = kept if len(set(kept.values())) > 1 else kept[tasks[0]]
        if self.primary not in tasks or len(tasks) == 1:
            changes["primary"] = None
        if self.class_weights is not None:
            changes["class_weights"] = class_weights(self.class_weights, self.losses, self._offered(tasks))
        changes["losses"] = own_losses(self.losses, tasks)
        changes["shuffled"] = [name for name in tasks if name in (self.shuffled or ())] or None
        return replace(self, **changes)

    def info(self) -> SuiteInfo:
        """Return the selected tasks and the sizes of their sources, without building a run's data.

        Raises:
            ConfigError: The settings have faults.
        """
        faults = list(self.faults())
        if faults:
            raise ConfigError(fault._replace(key=f"suite.{fault.key}") for fault in faults)
        tasks = self._offered(self.selected())
        used = sorted({task.source for task in tasks})
        whole = self.whole()
        return SuiteInfo(
            tuple(self._aimed(task, used.index(task.source)) for task in tasks),
            tuple(self._shortened(whole[index]) for index in used),
        )

    def _offered(self, names: Sequence[str]) -> list[Task]:
        offered = {task.name: task for task in self.offered()}
        return [offered[name] for name in names]

    def _aimed(self, task: Task, source: int) -> Task:
        """Return a task with its place among the sources, and with what it is trained on."""
        loss = loss_text(self.losses, task.name)
        weights = weights_of(self.class_weights, self.losses, task)
        return replace(task, source=source, loss=loss, class_weights=weights)

    def load(self, seed: int) -> SuiteData:
        """Return the data of one seed: the selected tasks, the sources they read, and label noise.

        Raises:
            ConfigError: The settings have faults.
        """
        info = self.info()
        rates = self.setting("label_noise")
        sources = []
        for index, source_info in enumerate(info.sources):
            source = self.build(source_info, seed)
            readers = [task for task in info.tasks if task.source == index]
            targets = {task.name: noisy_targets(source, task, rates[task.name], seed) for task in readers}
            for name in targets.keys() & {*(self.shuffled or ())}:
                targets[name] = shuffled_targets(targets[name], source.splits["train"], name, seed)
            sources.append(replace(source, targets=targets))
        return SuiteData(info.tasks, tuple(sources))

    def faults(self) -> Iterator[Fault]:
        """Yield everything that is wrong with the settings; keys are field names."""
        names, available = self.selected(), self.available()
        if not names:
            yield Fault("tasks", "must name at least one task", choices=available)
        for name in dict.fromkeys(names):
            if name not in available:
                yield Fault("tasks", "must name tasks of the suite", name, available)
            if names.count(name) > 1:
                yield Fault("tasks", "must name each task once", name)
            yield from text(name, "tasks")
        if self.primary is not None and self.primary not in names:
            yield Fault(
                "primary",
                "must be one of the selected tasks",
                self.primary,
                tuple(dict.fromkeys(names)),
            )
        if self.pairs and self.primary is not None:
            yield Fault("pairs", "cannot be set together with `suite.primary`", self.pairs)
        if self.pairs and len(set(names)) < 2:
            yield Fault("pairs", "needs at least two tasks", list(names))
        for name in self.shuffled or ():
            if name not in names:
                yield Fault("shuffled", "must name selected tasks", name, tuple(dict.fromkeys(names)))
        if (self.losses or self.class_weights) and set(names) <= set(available):
            yield from objective_faults(
                self.losses, self.class_weights, self._offered([*dict.fromkeys(names)])
            )
        yield from self.split_faults()
        yield from self._size_faults(names)
        rule = "must be a rate from 0 to 1"
        noise = self.label_noise
        yield from per_task_faults("label_noise", noise, names, available, rule, lambda v: 0 <= v <= 1)

    def split_faults(self) -> Iterator[Fault]:
        """Yield what is wrong with the number of splits."""
        if self.splits is not None and self.splits < 2:
            yield Fault("splits", "must be at least 2, or null for one fixed split", self.splits)
        if self.splits is not None and self.resplit:
            yield Fault("splits", "cannot be set together with `suite.resplit`", self.splits)

    def _size_faults(self, names: Sequence[str]) -> Iterator[Fault]:
        size = self.train_size
        if isinstance(size, float) and not 0 < size <= 1:
            yield Fault("train_size", "as a fraction must be over 0 and at most 1", size)
        if size is None or isinstance(size, float):
            return
        whole = self.whole()
        limit = min((whole[t.source].rows["train"] for t in self.offered() if t.name in names), default=size)
        if not 1 <= size <= limit:
            yield Fault("train_size", f"must be from 1 to {limit} rows, or a fraction like 0.5", size)

    def _shortened(self, source: SourceInfo) -> SourceInfo:
        rows = {**source.rows, "train": train_rows(self.train_size, source.rows["train"])}
        return replace(source, rows=rows)


def run_seeds(seeds: Sequence[int], splits: int | None) -> list[int]:
    """Return the seeds of the runs that the seeds asked for stand for: with K splits, K for each."""
    count = splits or 1
    return [count * seed + split for seed in seeds for split in range(count)]


def content_faults(path: str, trained: str | None, now: str) -> Iterator[Fault]:
    """Yield a fault where data have changed; without digests, so that equal faults of several columns appear once.

    Args:
        path: where they lie.
        trained: what told the content when runs were planned; None before.
        now: what tells it now.
    """
    if trained not in (None, now):
        yield Fault(
            "content", f"shows that {path} has changed since this run was trained: restore it, or train anew"
        )
