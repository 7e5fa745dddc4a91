"""A first look at the arrays of a file: what they hold, what they are used for, and how rows are divided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mtlrun.data.arrays.array_settings import ArraySettings
from mtlrun.data.arrays.checks import GROUPS, INPUTS, SPLIT
from mtlrun.data.arrays.content import Arrays
from mtlrun.data.checks.every_split import every_split_faults
from mtlrun.data.tables.columns import Column
from mtlrun.data.tables.first_look.look import (
    FIRST_SEEDS,
    ColumnLook,
    Look,
    holds,
    small_parts,
    tasks_in_words,
)


def look(suite: ArraySettings) -> Look:
    """Return a first look; what is wrong with settings is left to `faults`.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    found = suite.arrays()
    good = not list(suite.faults())
    parts = suite.rows_of(None, suite.split_seed(0)) if good else {}
    cases = suite.cut().groups if parts and found.groups else None
    return Look(
        suite.path,
        len(found.inputs),
        tuple(_arrays(found)),
        dict(tasks_in_words(suite)),
        {role: len(rows) for role, rows in parts.items()},
        _by(suite, found),
        (
            *(suite.notes() if good else ()),
            *(_split_faults(suite) if good else ()),
            *small_parts(parts, cases),
        ),
        of="arrays",
    )


def _arrays(found: Arrays) -> Iterator[ColumnLook]:
    """Yield a line for each array."""
    inputs = found.inputs
    gaps = 0.0 if inputs.dtype == np.uint8 else float(np.isnan(inputs).mean())
    kind = "images of bytes" if found.pixels else "images" if inputs.ndim == 4 else "numbers"
    there = inputs if not gaps else inputs[~np.isnan(inputs)]
    told = (
        f"{_shape(inputs.shape)}, from {there.min():.4g} to {there.max():.4g}"
        if there.size
        else _shape(inputs.shape)
    )
    yield ColumnLook(INPUTS, "input", kind, gaps, told, int(np.prod(inputs.shape[1:])), {})
    for name, columns in found.targets.items():
        told = (
            holds(columns[0])
            if len(columns) == 1
            else f"{_shape((len(inputs), len(columns)))}: {_first(columns)}"
        )
        yield _line(name, f"target of {name}", columns, told)
    for name, column in ((GROUPS, found.groups), (SPLIT, found.split)):
        if column is not None:
            yield _line(
                name,
                "groups of the split" if name == GROUPS else "parts of the split",
                [column],
                holds(column),
            )


def _line(name: str, role: str, columns: Sequence[Column], told: str) -> ColumnLook:
    missing = sum(column.missing for column in columns) / sum(len(column.values) for column in columns)
    return ColumnLook(name, role, columns[0].kind, missing, told, 0, {})


def _first(columns: Sequence[Column]) -> str:
    """Return what the first columns of a target hold."""
    return "; ".join(holds(column) for column in columns[:2]) + ("; ..." if len(columns) > 2 else "")


def _shape(shape: Sequence[int]) -> str:
    return f"({', '.join(f'{size:,}' for size in shape)})"


def _by(suite: ArraySettings, found: Arrays) -> str:
    """Return how rows are divided, in words."""
    if found.split is not None:
        return "by the array split"
    by = "in whole groups" if found.groups else f"stratified by {', '.join(suite.strata()) or 'nothing'}"
    if suite.splits:
        return f"{by}, {suite.splits} times"
    return by + (", anew for each seed" if suite.resplit else "")


def _split_faults(suite: ArraySettings) -> Iterator[str]:
    """Yield what splits that vary lack: each of them, or those of the first seeds."""
    if suite.varies_split:
        for fault in every_split_faults(suite, range(suite.splits or FIRST_SEEDS)):
            yield str(fault._replace(key=f"suite.{fault.key}"))
