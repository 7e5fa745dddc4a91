"""What a user should know of a table before training: columns left out, rows in two parts, inputs that tell all.

Shape letters: N rows, n of them that are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from mtlrun.data.tables.column_roles import given_roles, unfit
from mtlrun.data.tables.columns import Column
from mtlrun.data.tables.first_look.advice import column_advice
from mtlrun.data.tables.first_look.duplicates import row_marks
from mtlrun.data.tables.first_look.leaks import leaks
from mtlrun.data.tables.first_look.target_advice import target_advice
from mtlrun.data.tables.inputs import block_of
from mtlrun.data.tables.settings import TableSettings
from mtlrun.text.pluralize import pluralize, some_of

APIECE = 10  # columns, at most, with a note each


def notes(suite: TableSettings) -> Iterator[str]:
    """Yield notes on a table that has no faults, each a sentence."""
    inputs, columns, given = suite.input_columns(), suite.columns(), given_roles(suite)
    if all(_is_number(name) for name in columns.names):
        yield "all columns are called by numbers: does the file lack a first line with names?"
    for name in columns.names:
        why = None if name in given else unfit(suite, columns, name)
        if why:
            yield f"column {name or repr(name)} is no input: {why}"
    yield from _constant([columns.column(name) for name in inputs])
    rows = suite.rows_of(None, suite.split_seed(0))
    total, kept = len(suite.cut().strata), sum(len(part) for part in rows.values())
    if kept < total:
        why = (
            "have no part in column " + suite.split if suite.split else "make parts of one size for all seeds"
        )
        yield f"{pluralize(total - kept, 'row')} of {total:,} {why}, and are left out"
    yield from _parted_groups(suite, rows)
    yield from _duplicates(suite, rows)
    yield from leaks(suite, rows["train"])
    yield from column_advice(suite)
    yield from target_advice(suite)


def _constant(inputs: list[Column]) -> Iterator[str]:
    """Yield inputs that say nothing; many of them in one note."""
    for reason, many, of_kind in (
        ("has no value in any row", "have no value in any row", True),
        ("is the same in every row", "are the same in every row", False),
    ):
        names = [c.name for c in inputs if block_of(c) is None and (c.kind == "empty") == of_kind]
        if len(names) > APIECE:
            yield f"{len(names):,} columns {many}, and are left out: {some_of(names)}"
        else:
            yield from (f"column {name} {reason}, and is left out" for name in names)


def _parted_groups(suite: TableSettings, rows: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield how many groups a column of parts tears."""
    groups = suite.cut().groups
    if groups is None or not suite.split:
        return
    whose = f"of column {suite.group}" if suite.group else "of equal rows"
    owner = pd.Series(-1, index=range(len(groups)))
    for place, part in enumerate(rows.values()):
        owner[part] = place
    divided = owner >= 0
    torn = int((owner[divided].groupby(groups[divided]).nunique() > 1).sum())
    if torn:
        told = f"column {suite.split} tears {pluralize(torn, 'group')} {whose}"
        yield f"{told}: some rows train, others do not"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _duplicates(suite: TableSettings, rows: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield how many rows of one part are equal, in inputs and targets, to training rows."""
    used = [*suite.input_columns(), *(c for task in suite.available() for c in suite.columns_of(task))]
    columns = suite.columns()
    marks = row_marks(tuple(columns.column(name) for name in used)).it
    for role in ("val", "test"):
        same = int(np.isin(marks[rows[role]], marks[rows["train"]]).sum())
        if same:
            share = 100 * same / len(rows[role])
            yield (
                f"{pluralize(same, 'row')} of the {role} part ({share:.2g} %) are exact duplicates of training rows: "
                "suite.duplicates=together keeps rows with equal inputs in one part"
            )
