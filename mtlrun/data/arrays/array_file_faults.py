"""What can be wrong with the settings of a suite of arrays, and with what its file holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache

from mtlrun.config import build, to_node
from mtlrun.data.arrays.array_settings import ArraySettings
from mtlrun.data.arrays.content import Arrays
from mtlrun.data.checks.label_checks import label_faults
from mtlrun.data.checks.part_sizes import part_size_faults
from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.suite import content_faults
from mtlrun.data.targets import KINDS
from mtlrun.data.task import ALL_METRICS, METRICS, Task
from mtlrun.errors import ConfigError, Fault


def file_faults(suite: ArraySettings) -> Iterator[Fault]:
    """Yield everything that is wrong; a file that does not change is looked at once for each setting."""
    settings = list(_setting_faults(suite))
    yield from settings
    try:
        arrays = IdentityKey(suite.arrays())
    except ConfigError as error:
        yield from _told(error)
        return
    names = list(_name_faults(suite))
    yield from names
    if not settings and not names:
        yield from _faults(json.dumps(to_node(suite), sort_keys=True), arrays)


def _told(error: ConfigError) -> tuple[Fault, ...]:
    return tuple(fault for fault in error.faults if isinstance(fault, Fault))


def _setting_faults(suite: ArraySettings) -> Iterator[Fault]:
    """Yield what is wrong with the settings, whatever the file."""
    yield from part_size_faults(suite)
    for name, kind in (suite.kinds or {}).items():
        if kind not in KINDS:
            yield Fault(f"kinds.{name}", "must be a kind of task", kind, KINDS)
    for name, asked in (suite.metrics or {}).items():
        for metric in [asked] if isinstance(asked, str) else asked:
            if metric not in METRICS:
                yield Fault(f"metrics.{name}", "must be a metric", metric, tuple(METRICS))
    if suite.crop < 0:
        yield Fault("crop", "must be at least 0 pixels", suite.crop)
    if not suite.name or not suite.name.isprintable():
        yield Fault("name", "must be text that can be printed", suite.name)
    yield from suite.split_faults()


def _name_faults(suite: ArraySettings) -> Iterator[Fault]:
    """Yield names that the file does not have, and settings that do not go with it."""
    tasks = suite.available()
    for name in suite.kinds or {}:
        if name not in tasks:
            yield Fault("kinds", "must name tasks, the arrays of the file", name, tasks)
    for name in suite.metrics or {}:
        if name not in tasks and name not in KINDS:
            yield Fault("metrics", "must name tasks, or kinds of tasks", name, (*tasks, *KINDS))
    for name in suite.strata():
        if name not in tasks:
            yield Fault("stratify", "must name tasks, the arrays of the file", name, tasks)
    if suite.augment() and not suite.has_images():
        shape = suite.arrays().inputs.shape
        yield Fault("flip" if suite.flip else "crop", "is for images (N, colours, height, width)", shape)
    for name in ("resplit", "splits"):
        if suite.arrays().split is not None and getattr(suite, name):
            rule = "draws splits at random, and the array `split` gives one"
            yield Fault(name, rule, getattr(suite, name))


@lru_cache(maxsize=1024)
def _faults(node: str, arrays: IdentityKey[Arrays]) -> tuple[Fault, ...]:
    """Return what is wrong with arrays under settings that are good; the same object is looked at once."""
    suite: ArraySettings = build(json.loads(node))
    wrong: list[Fault] = []
    for name in suite.available():  # all of them, so that all faults come together
        try:
            suite.target_of(name)
        except ConfigError as error:
            wrong += _told(error)
    try:
        return tuple(wrong or _content_faults(suite))
    except ConfigError as error:
        return _told(error)


def _content_faults(suite: ArraySettings) -> Iterator[Fault]:
    """Yield what is wrong with what arrays hold.

    Raises:
        ConfigError: rows cannot be divided.
    """
    tasks = {task.name: task for task in suite.offered()}
    for name, task in tasks.items():
        for metric in task.metrics:
            if metric not in ALL_METRICS[task.kind]:
                key = f"metrics.{name if name in (suite.metrics or {}) else task.kind}"
                yield Fault(key, f"must be a metric of a {task.kind} task", metric, ALL_METRICS[task.kind])
    flat = suite.arrays().inputs
    if all((piece == flat[0]).all() for piece in flat[1:]):
        yield Fault("path", "must have `inputs` that differ between rows")
    yield from _part_faults(suite, {name: tasks[name] for name in suite.selected() if name in tasks})
    if tasks.keys() >= {*suite.selected()}:  # the suite finds the others
        yield from content_faults(suite.path, suite.content, suite.digest())


def _part_faults(suite: ArraySettings, tasks: Mapping[str, Task]) -> Iterator[Fault]:
    """Yield what is wrong with the parts of the one split; splits that vary are checked with the seeds."""
    rows = suite.rows_of(None, suite.split_seed(0))  # whether all parts have rows
    if suite.varies_split:
        return
    train = rows["train"][: suite.training_rows(len(rows["train"]))]
    parts = {**rows, "train": train}
    for name, task in tasks.items():
        metric = task.metrics[0]
        yield from label_faults(f"targets.{name}", suite.target_of(name), suite.named(name), metric, parts)
