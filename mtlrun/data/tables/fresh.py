"""Inputs of a trained run from a table that it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mtlrun.data.tables.columns import column, names
from mtlrun.data.tables.inputs import matrix
from mtlrun.data.tables.reading import File
from mtlrun.errors import DataError, Fault

if TYPE_CHECKING:
    from mtlrun.data.tables.table import Table


def fresh_inputs(suite: Table, file: File, train: np.ndarray) -> np.ndarray:
    """Return the inputs (N, W) of another table, standardised by the training rows of a suite's own.

    A category that training did not have is none of the known ones; further columns are not looked at.

    Raises:
        DataError: a column is absent, or holds other values.
        ConfigError: the file cannot be read.
    """
    blocks, (_, how) = suite.blocks(), suite.prepared(train)
    known = names(file)
    absent = [block.column for block in blocks if block.column not in known]
    if absent:
        faults = [
            Fault(file.path, "must have the columns that the run reads", name, known) for name in absent
        ]
        raise DataError("; ".join(map(str, faults)))
    types = tuple(sorted({**{b.column: b.kind for b in blocks}, **(suite.types or {})}.items()))
    columns = {block.column: column(file, block.column, types) for block in blocks}
    for name, found in columns.items():
        if found.too_large:
            rule = f"must hold finite numbers, and column {name} does not in row {found.too_large}"
            raise DataError(f"`{file.path}` {rule}")
    return matrix(blocks, columns, how)
