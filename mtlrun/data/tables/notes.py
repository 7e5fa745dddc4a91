"""What a user should know of a table before training: columns left out, rows in two parts, inputs that tell all.

Shape letters: N rows, n of them that are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtlrun.counted import counted
from mtlrun.data.same import Same
from mtlrun.data.tables.chosen import given_role, unfit
from mtlrun.data.tables.columns import Column, names
from mtlrun.data.tables.inputs import block_of

if TYPE_CHECKING:
    from mtlrun.data.tables.table import Table

LOOKED_AT = 20_000  # training rows, at most, in which an input that tells a target is looked for
LEAST = 20  # rows below which nothing can be said
ROWS_PER_VALUE = 5  # below it values nearly number the rows, so that they tell any target
NEAR_ONE = 0.9999  # correlation that rounding leaves of 1


def notes(suite: Table) -> Iterator[str]:
    """Yield notes on a table that has no faults, each a sentence."""
    inputs = suite.input_columns()
    if all(_is_number(name) for name in names(suite.file())):
        yield "all columns are called by numbers: does the file lack a first line with names?"
    for name in names(suite.file()):
        why = None if given_role(suite, name) else unfit(suite, name)
        if why:
            yield f"column {name or repr(name)} is no input: {why}"
    for name in inputs:
        found = suite.column(name)
        if block_of(found) is None:
            why = "has no value in any row" if found.kind == "empty" else "is the same in every row"
            yield f"column {name} {why}, and is left out"
    rows = suite.rows_of(None, suite.split_seed(0))
    total, kept = len(suite.cut().strata), sum(len(part) for part in rows.values())
    if kept < total:
        why = (
            "have no part in column " + suite.split if suite.split else "make parts of one size for all seeds"
        )
        yield f"{counted(total - kept, 'row')} of {total:,} {why}, and are left out"
    yield from _parted_groups(suite, rows)
    yield from _duplicates(suite, rows)
    yield from _leaks(suite, rows["train"])


def _parted_groups(suite: Table, rows: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield how many groups a column of parts tears."""
    groups = suite.cut().groups
    if groups is None or not suite.split:
        return
    owner = pd.Series(-1, index=range(len(groups)))
    for place, part in enumerate(rows.values()):
        owner[part] = place
    divided = owner >= 0
    torn = int((owner[divided].groupby(groups[divided]).nunique() > 1).sum())
    if torn:
        told = f"column {suite.split} tears {counted(torn, 'group')} of column {suite.group}"
        yield f"{told}: some rows train, others do not"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _duplicates(suite: Table, rows: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield how many rows of one part are equal, in inputs and targets, to training rows."""
    used = [*suite.input_columns(), *(c for task in suite.available() for c in suite.columns_of(task))]
    marks = row_marks(tuple(suite.column(name) for name in used))
    for role in ("val", "test"):
        same = int(np.isin(marks[rows[role]], marks[rows["train"]]).sum())
        if same:
            share = 100 * same / len(rows[role])
            yield (
                f"{counted(same, 'row')} of the {role} part ({share:.2g} %) are exact duplicates of training rows: "
                "suite.group keeps such rows together"
            )


def row_marks(columns: tuple[Column, ...]) -> np.ndarray:
    """Return a number (N,), uint64, that equal rows share, and others all but never."""
    marks = np.zeros(len(columns[0].values), dtype=np.uint64)
    for column in columns:
        own = pd.util.hash_array(column.values + 0.0)  # -0.0 is 0.0
        marks = marks * np.uint64(0x9E3779B97F4A7C15) + own
    return marks


def _leaks(suite: Table, train: np.ndarray) -> Iterator[str]:
    for task in suite.selected():
        for target in suite.columns_of(task):
            amounts = suite.target_of(task).kind == "regression"
            for name in suite.input_columns():
                if determines(suite.column(name), suite.column(target), Same(train), amounts):
                    yield (
                        f"column {name} alone tells {target}, the target of {task}, in every training row looked at: "
                        "if it is not known before the target is, say suite.ignored"
                    )


@lru_cache(maxsize=4096)
def determines(column: Column, target: Column, train: Same[np.ndarray], amounts: bool) -> bool:
    """Say whether an input tells a target in each row looked at: by its values, by thresholds, or by its order.

    Args:
        column: the input.
        target: numbers, or class numbers.
        train: rows of the training part, of which the first `LOOKED_AT` are looked at.
        amounts: whether the target is a number.
    """
    rows = np.sort(train.it[:LOOKED_AT])
    x, y = column.values[rows], target.values[rows]
    there = ~np.isnan(x) & ~np.isnan(y)
    x, y = x[there], y[there]
    if len(x) < LEAST or not (x.std() > 0 and y.std() > 0):
        return False
    values, codes = np.unique(x, return_inverse=True)
    if len(values) * ROWS_PER_VALUE <= len(x):
        by_value = pd.Series(y).groupby(codes.reshape(-1))
        if bool((by_value.min() == by_value.max()).all()):
            return True
    if column.kind == "category":
        return False
    if not amounts:  # each class is an interval, with more rows than it takes by chance
        in_order = y[np.argsort(x, kind="stable")]
        classes = len(np.unique(y))
        by_class = pd.Series(x).groupby(y)
        ends = np.sort(np.stack([by_class.min(), by_class.max()], 1), axis=0)
        apart = bool((ends[1:, 0] > ends[:-1, 1]).all())
        return apart and int((in_order[1:] != in_order[:-1]).sum()) == classes - 1
    ranks = [pd.Series(v).rank().to_numpy() for v in (x, y)]
    return any(abs(np.corrcoef(a, b)[0, 1]) > NEAR_ONE for a, b in ((x, y), tuple(ranks)))
