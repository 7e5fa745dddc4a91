"""What can be wrong with the settings of a table, and with what it holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import pyarrow as pa

from mtlrun.config import build, to_node
from mtlrun.data.checks.label_checks import label_faults
from mtlrun.data.checks.part_sizes import part_size_faults
from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.suite import content_faults
from mtlrun.data.tables.columns import LARGEST, TYPES, names
from mtlrun.data.tables.dialect import SIGNS
from mtlrun.data.tables.parts import WORDS
from mtlrun.data.tables.reading import read
from mtlrun.data.tables.settings import TableSettings
from mtlrun.data.targets import KINDS
from mtlrun.data.task import ALL_METRICS, METRICS, Task
from mtlrun.errors import ConfigError, Fault

RARE = "suite.rare=join makes one class of rare ones, suite.rare=drop leaves them out, with suite.rare_below"


def table_faults(suite: TableSettings) -> Iterator[Fault]:
    """Yield everything that is wrong; a file that does not change is looked at once for each setting."""
    settings = list(setting_faults(suite))
    yield from settings
    try:
        table = IdentityKey(read(suite.file()))
    except ConfigError as error:
        yield from _told(error)
        return
    if not settings:
        yield from _faults(json.dumps(to_node(suite), sort_keys=True), table)


def unread(suite: TableSettings) -> tuple[Fault, ...]:
    """Return what keeps a table's file from being read."""
    try:
        read(suite.file())
    except ConfigError as error:
        return _told(error)
    return ()


def _told(error: ConfigError) -> tuple[Fault, ...]:
    return tuple(fault for fault in error.faults if isinstance(fault, Fault))


def setting_faults(suite: TableSettings) -> Iterator[Fault]:
    """Yield what is wrong with the settings, whatever the table."""
    yield from part_size_faults(suite)
    for name, kind in (suite.kinds or {}).items():
        if name not in suite.available():
            yield Fault("kinds", "must name tasks of `suite.targets`", name, suite.available())
        if kind not in KINDS:
            yield Fault(f"kinds.{name}", "must be a kind of task", kind, KINDS)
    for name, kind in (suite.types or {}).items():
        if kind not in TYPES and "%" not in kind:
            rule = "must say what the column holds, or how its dates are written, as %d.%m.%Y"
            yield Fault(f"types.{name}", rule, kind, TYPES)
    if suite.rare_below < 2:
        yield Fault("rare_below", "must be at least 2 rows", suite.rare_below)
    if suite.embedding < 1:
        yield Fault("embedding", "must be at least 1 number", suite.embedding)
    if suite.most_categories < 2:
        yield Fault("most_categories", "must be at least 2", suite.most_categories)
    if suite.delimiter is not None and len(SIGNS.get(suite.delimiter, suite.delimiter)) != 1:
        yield Fault("delimiter", "must be one sign, or the word for it", suite.delimiter, tuple(SIGNS))
    yield from suite.split_faults()
    for name in ("resplit", "splits"):
        if suite.split and getattr(suite, name):
            yield Fault(name, "draws splits at random, and `suite.split` gives one", getattr(suite, name))


@lru_cache(maxsize=1024)
def _faults(node: str, table: IdentityKey[pa.Table]) -> tuple[Fault, ...]:
    """Return what is wrong with a table under settings that are good; the same object is looked at once."""
    suite: TableSettings = build(json.loads(node))
    found = [*_name_faults(suite)]
    try:
        return tuple(found or _content_faults(suite))
    except ConfigError as error:
        return _told(error)


def _name_faults(suite: TableSettings) -> Iterator[Fault]:
    """Yield what is wrong with names of columns."""
    known = names(suite.file())
    if not suite.targets:
        yield Fault("targets", "must name at least one task with its column, as {heating: Y1}", choices=known)
    owner: dict[str, str] = {}
    for task in suite.available():
        key = f"targets.{task}"
        if not suite.columns_of(task):
            yield Fault(key, "must name a column", choices=known)
        for name in suite.columns_of(task):
            if name not in known:
                yield Fault(key, "must name columns of the table", name, known)
            elif name in owner:
                yield Fault(key, f"must have a column of its own, not that of `targets.{owner[name]}`", name)
            owner.setdefault(name, task)
    taken = {name: f"targets.{task}" for name, task in owner.items()}
    for key in ("group", "split"):
        name = getattr(suite, key)
        if name in taken:
            yield Fault(key, f"must be another column than that of `{taken[name]}`", name)
        taken |= {name: key} if name else {}
    times = Counter(suite.inputs or ())
    for name in suite.inputs or ():
        if name in taken:
            yield Fault("inputs", f"must not name the column of `{taken[name]}`", name)
        if times[name] > 1:
            yield Fault("inputs", "must name each column once", name)
    yield from _unknown_names(suite, known)
    yield from _metric_faults(suite)


def _unknown_names(suite: TableSettings, known: Sequence[str]) -> Iterator[Fault]:
    there = set(known)
    one = {key: [getattr(suite, key)] for key in ("group", "split") if getattr(suite, key)}
    strata = suite.stratify if isinstance(suite.stratify, list) else [suite.stratify]
    for key, found in (
        *one.items(),
        ("stratify", [name for name in strata if name]),
        *((key, getattr(suite, key) or ()) for key in ("inputs", "ignored", "types")),
    ):
        for name in found:
            if name not in there:
                yield Fault(key, "must name columns of the table", name, known)


def _metric_faults(suite: TableSettings) -> Iterator[Fault]:
    for name, asked in (suite.metrics or {}).items():
        if name not in suite.available() and name not in KINDS:
            yield Fault("metrics", "must name tasks, or kinds of tasks", name, (*suite.available(), *KINDS))
        for metric in [asked] if isinstance(asked, str) else asked:
            if metric not in METRICS:
                yield Fault(f"metrics.{name}", "must be a metric", metric, tuple(METRICS))


def _content_faults(suite: TableSettings) -> Iterator[Fault]:
    """Yield what is wrong with what columns hold.

    Raises:
        ConfigError: a column does not serve what it is named for.
    """
    dividing = list(_dividing_faults(suite))
    if dividing:
        yield from dividing
        return
    tasks = {task.name: task for task in suite.offered()}
    for name, task in tasks.items():
        for metric in task.metrics:
            if metric not in ALL_METRICS[task.kind]:
                key = f"metrics.{name if name in (suite.metrics or {}) else task.kind}"
                yield Fault(key, f"must be a metric of a {task.kind} task", metric, ALL_METRICS[task.kind])
    columns = suite.columns()
    for name in suite.input_columns():
        found = columns.column(name, "inputs")
        if found.too_large:
            yield Fault(
                "inputs",
                f"must be finite, within {LARGEST:g}, and column {name} is not in row {found.too_large}",
            )
        if found.kind == "other":
            yield Fault("inputs", "must name columns of numbers, text or dates", f"{name}: {found.stored}")
    if not suite.blocks():
        rule = "must leave a column that differs between rows"
        yield Fault("inputs", rule, list(suite.input_columns()))
    yield from _part_faults(suite, {name: tasks[name] for name in suite.selected() if name in tasks})
    if tasks.keys() >= {*suite.selected()}:  # the suite finds the others
        yield from content_faults(suite.path, suite.content, suite.digest())


def _dividing_faults(suite: TableSettings) -> Iterator[Fault]:
    """Yield what is wrong with the columns by which rows are divided."""
    if suite.split and suite.column(suite.split, "split").kind != "category":
        kind, words = suite.column(suite.split).kind, tuple(w for found in WORDS.values() for w in found)
        yield Fault("split", f"must name parts in column {suite.split}, which is", kind, words)
    if suite.group and suite.column(suite.group, "group").kind in ("other", "empty"):
        stored = suite.column(suite.group).stored
        yield Fault("group", f"must tell groups by values, and column {suite.group} is", stored)


def _part_faults(suite: TableSettings, tasks: Mapping[str, Task]) -> Iterator[Fault]:
    """Yield what is wrong with the parts of the one split; splits that vary are checked with the seeds."""
    if suite.varies_split:
        suite.rows_of(None, suite.split_seed(0))  # whether all parts have rows
        return
    rows = suite.rows_of(None, None)
    train = rows["train"][: suite.training_rows(len(rows["train"]))]
    for name, task in tasks.items():
        named = suite.class_names(name) or suite.columns_of(name)
        found = suite.target_of(name)
        yield from label_faults(
            f"targets.{name}", found, named, task.metrics[0], {**rows, "train": train}, RARE
        )
