"""What a user should know of arrays before training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from mtlrun.data.arrays.array_settings import ArraySettings
from mtlrun.data.tables.first_look.target_advice import kind_advice
from mtlrun.text.pluralize import pluralize, some_of

COLOURS = (1, 3, 4)  # that images have


def notes(suite: ArraySettings) -> Iterator[str]:
    """Yield notes on arrays that have no faults, each a sentence."""
    rows = suite.rows_of(None, suite.split_seed(0))
    yield from _left_out(suite, rows)
    yield from _inputs(suite)
    yield from _torn_groups(suite, rows)
    for task in suite.selected():
        for column in suite.arrays().targets[task]:
            if column.kind == "number" and task not in (suite.kinds or {}):
                yield from kind_advice(column, task)


def _left_out(suite: ArraySettings, rows: Mapping[str, np.ndarray]) -> Iterator[str]:
    total, kept = len(suite.arrays().inputs), sum(len(part) for part in rows.values())
    if kept < total:
        given = suite.arrays().split is not None
        why = "have no part in `split`" if given else "make parts of one size for all seeds"
        yield f"{pluralize(total - kept, 'row')} of {total:,} {why}, and are left out"


def _inputs(suite: ArraySettings) -> Iterator[str]:
    """Yield images whose axes look swapped, and columns that say nothing."""
    inputs = suite.arrays().inputs
    shape = inputs.shape
    if suite.has_images() and shape[1] not in COLOURS and shape[3] in COLOURS:
        yield (
            f"inputs {shape} are read as (N, colours, height, width): of (N, height, width, colours), give "
            "x.transpose(0, 3, 1, 2)"
        )
    same = np.flatnonzero((inputs == inputs[:1]).all(0)) if inputs.ndim == 2 else ()
    if len(same):
        names, are = some_of([str(k) for k in same]), "is" if len(same) == 1 else "are"
        yield f"{pluralize(len(same), 'column')} of the inputs {are} the same in every row: {names}"


def _torn_groups(suite: ArraySettings, rows: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield how many groups the given parts tear."""
    groups = suite.cut().groups
    if groups is None or suite.arrays().split is None:
        return
    owner = pd.Series(np.full(len(groups), -1))
    for place, part in enumerate(rows.values()):
        owner[part] = place
    divided = (owner >= 0).to_numpy()
    torn = int((owner[divided].groupby(groups[divided]).nunique() > 1).sum())
    if torn:
        yield f"the array `split` tears {pluralize(torn, 'group')}: some rows train, others do not"
