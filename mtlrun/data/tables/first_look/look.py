"""A first look at a table: its columns, what they are used for, and how they go with the targets.

Shape letter: N rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mtlrun.data.checks.every_split import every_split_faults
from mtlrun.data.tables.column_roles import given_roles, metrics_of, unfit
from mtlrun.data.tables.columns import Column, Columns
from mtlrun.data.tables.first_look.advice import column_advice
from mtlrun.data.tables.first_look.association import Association, strongest
from mtlrun.data.tables.inputs import block_of
from mtlrun.data.tables.reading import read
from mtlrun.data.tables.settings import TableSettings
from mtlrun.data.targets import Target
from mtlrun.errors import ConfigError, Fault, shown
from mtlrun.text.pluralize import pluralize

FEW_CASES = 50  # rows or groups: below, an accuracy of .9 is known to .04 at best
FIRST_SEEDS = 10  # whose splits are looked at where each seed has its own


@dataclass(frozen=True)
class ColumnLook:
    """What the first look says of a column.

    Attributes:
        name: of it.
        role: `input`, `target of ...`, or why it is neither.
        kind: as of `Column`; `text` where it cannot be read.
        missing: share of rows without a value.
        holds: range, or the most frequent classes.
        numbers: inputs that are made of it.
        associations: with each target's columns, by name, in training rows; None where it has no meaning.
    """

    name: str
    role: str
    kind: str
    missing: float
    holds: str
    numbers: int
    associations: dict[str, Association | None]


@dataclass(frozen=True)
class Look:
    """What the first look says of a table.

    Attributes:
        path: of the file.
        rows: of it.
        columns: all, in their order.
        tasks: by name kind, outputs, metrics, and whether some rows lack it; or what is wrong with it.
        parts: rows of each; empty where there is no split yet.
        by: how rows are divided, in words.
        notes: warnings.
        of: what `columns` are of the file: columns, or arrays.
    """

    path: str
    rows: int
    columns: tuple[ColumnLook, ...]
    tasks: dict[str, str]
    parts: dict[str, int]
    by: str
    notes: tuple[str, ...]
    of: str = "columns"


def look(suite: TableSettings) -> Look:
    """Return a first look; what is wrong with settings is left to `faults`.

    Raises:
        ConfigError: the file cannot be read.
    """
    columns, given = suite.columns(), given_roles(suite)
    good = not list(suite.faults())
    parts = suite.rows_of(None, suite.split_seed(0)) if good else {}
    rows = parts.get("train", np.arange(read(suite.file()).num_rows))
    targets = [c for task in suite.available() for c in suite.columns_of(task) if c in columns.names]
    return Look(
        suite.path,
        read(suite.file()).num_rows,
        tuple(_column_look(suite, columns, name, given.get(name), targets, rows) for name in columns.names),
        dict(tasks_in_words(suite)),
        {role: len(part) for role, part in parts.items()},
        _by(suite),
        (
            *_unread(suite),
            *((*suite.notes(), *_split_faults(suite)) if good else column_advice(suite)),
            *small_parts(parts, suite.cut().groups if parts and suite.group else None),
        ),
    )


def _split_faults(suite: TableSettings) -> Iterator[str]:
    """Yield what splits that vary lack: each of them, or those of the first seeds."""
    if suite.varies_split:
        for fault in every_split_faults(suite, range(suite.splits or FIRST_SEEDS)):
            yield str(fault._replace(key=f"suite.{fault.key}"))


def small_parts(parts: Mapping[str, np.ndarray], groups: np.ndarray | None) -> Iterator[str]:
    """Yield what follows from few rows, or few groups, in the validation or the test part.

    Args:
        parts: rows of each.
        groups: of each row (N,); None for none.
    """
    for role, follows in (
        ("val", "the choice of a checkpoint is noisy (budget.select=last makes none)"),
        ("test", "intervals are wide, and few verdicts are possible"),
    ):
        if role not in parts:
            continue
        rows = len(parts[role])
        cases = rows if groups is None else len(np.unique(groups[parts[role]]))
        if cases < FEW_CASES:
            of_groups = "" if groups is None else f" in {pluralize(cases, 'group')}"
            yield f"the {role} part has {pluralize(rows, 'row')}{of_groups}: {follows}"


class Targeted(Protocol):
    """What is asked of a suite whose targets are looked at."""

    metrics: dict[str, str | list[str]] | None

    def available(self) -> tuple[str, ...]:
        """Return the names of all tasks."""

    def target_of(self, task: str) -> Target:
        """Return a task's target."""

    def class_names(self, task: str) -> tuple[str, ...] | None:
        """Return the names of a task's classes."""


def tasks_in_words(suite: Targeted) -> Iterator[tuple[str, str]]:
    """Yield each task with its kind, outputs, metrics, and whether some rows lack it; or what is wrong with it."""
    for name in suite.available():
        try:
            found = suite.target_of(name)
        except ConfigError as error:
            yield name, "; ".join(map(str, error.faults))
            continue
        classes = suite.class_names(name) if found.kind in ("binary", "multiclass") else None
        some = ", ".join(classes[:6]) + (", ..." if len(classes) > 6 else "") if classes else ""
        told = f"{found.kind} ({some})" if some else found.kind
        told += f", {found.outputs} outputs" if found.outputs > 1 and not classes else ""
        missing = found.values < 0 if found.kind == "multiclass" else np.isnan(found.values).all(1)
        told += f", missing in {missing.mean():.0%} of rows" if found.partial else ""
        yield name, f"{told}; {', '.join(metrics_of(suite.metrics, name, found.kind))}"


def _by(suite: TableSettings) -> str:
    if suite.split:
        return f"by column {suite.split}"
    groups = (
        f"in whole groups of {suite.group}"
        if suite.group
        else f"stratified by {', '.join(suite.strata()) or 'nothing'}"
    )
    groups += " and of equal rows" if suite.duplicates == "together" else ""
    if suite.splits:
        return f"{groups}, {suite.splits} times"
    return groups + (", anew for each seed" if suite.resplit else "")


def _column_look(
    suite: TableSettings, columns: Columns, name: str, given: str | None, targets: list[str], rows: np.ndarray
) -> ColumnLook:
    try:
        found = columns.column(name)
        why = None if given else unfit(suite, columns, name)
    except ConfigError:  # of which a note tells
        return ColumnLook(name, "cannot be read: see below", "text", 0.0, "", 0, {})
    block = None if given or why or found.kind == "other" else block_of(found)
    if not (given or why or block):
        why = "no value" if found.kind == "empty" else "the same in every row"
    with_targets: dict[str, Association | None] = {}
    for target in targets:
        if target != name and (block or name in targets):
            with_targets[target] = _safely(columns, found, target, rows)
    return ColumnLook(
        name,
        given or (f"left out: {why}" if why else "input"),
        found.kind,
        0.0 if found.kind == "other" else found.missing / len(found.values),
        holds(found),
        block.width if block else 0,
        with_targets,
    )


def _unread(suite: TableSettings) -> Iterator[str]:
    """Yield why columns cannot be read; of those that one setting may mend, the first with the others' names."""
    wrong: dict[str, tuple[Fault, list[str]]] = {}
    columns = suite.columns()
    for name in columns.names:
        try:
            columns.column(name)
        except ConfigError as error:
            for fault in error.faults:
                assert isinstance(fault, Fault)
                wrong.setdefault(fault.key, (fault, []))[1].append(name)
    for fault, (_, *others) in wrong.values():
        likewise = f"; likewise of {', '.join(others)}" if others else ""
        yield f"{fault._replace(key=f'suite.{fault.key}')}{likewise}"


def _safely(columns: Columns, found: Column, target: str, rows: np.ndarray) -> Association | None:
    try:
        return strongest(found, columns.column(target), rows)
    except ConfigError:
        return None


def holds(column: Column) -> str:
    """Return in a few words what a column holds."""
    there = column.values[~np.isnan(column.values)]
    if not len(there):
        return ""
    if column.kind == "category":
        codes, counts = np.unique(there.astype(np.int64), return_counts=True)
        first = [
            f"{shown(column.classes[codes[k]])} {counts[k]:,}" for k in np.argsort(-counts, kind="stable")[:3]
        ]
        more = len(codes) - len(first)
        return ", ".join(first) + (f", {more:,} more" if more else "")
    if column.kind == "boolean":
        return f"{there.mean():.0%} true"
    if column.kind == "date":
        ends = np.array([there.min(), there.max()]).astype("datetime64[D]")
        return f"{ends[0]} to {ends[1]}"
    return f"{there.min():.4g} to {there.max():.4g}, mean {there.mean():.4g}"


def shares(parts: Mapping[str, int]) -> str:
    """Return the rows of each part in words."""
    return ", ".join(f"{role} {rows:,}" for role, rows in parts.items())
