"""Inputs of a trained run from a table that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mtlrun.data.tables.columns import column, names
from mtlrun.data.tables.inputs import Block, Fitted, matrix
from mtlrun.data.tables.reading import File
from mtlrun.errors import ConfigError, DataError, Fault

if TYPE_CHECKING:
    from mtlrun.data.tables.table import Table


def fresh_inputs(suite: Table, file: File, train: np.ndarray) -> np.ndarray:
    """Return the inputs (N, W) of another table, standardised by the training rows of a suite's own.

    A category that training did not have is none of the known ones; further columns are not looked at.

    Raises:
        DataError: the file cannot be read, or a column is absent or holds other values.
    """
    blocks, (_, how) = suite.blocks(), suite.prepared(train)
    try:
        return _inputs(suite, file, blocks, how)
    except ConfigError as error:  # about this file, whatever setting it names
        faults = (f._replace(key=file.path) if isinstance(f, Fault) else f for f in error.faults)
        raise DataError("; ".join(map(str, faults))) from error


def _inputs(suite: Table, file: File, blocks: Sequence[Block], how: Fitted) -> np.ndarray:
    known = names(file)
    absent = [block.column for block in blocks if block.column not in known]
    if absent:
        rule = "must have the columns that the run reads"
        raise ConfigError([Fault(file.path, rule, name, known) for name in absent])
    types = tuple(sorted({**{b.column: b.kind for b in blocks}, **(suite.types or {})}.items()))
    columns = {block.column: column(file, block.column, types) for block in blocks}
    for name, found in columns.items():
        if found.too_large:
            rule = f"must hold finite numbers, and column {name} does not in row {found.too_large}"
            raise ConfigError([Fault(file.path, rule)])
    return matrix(blocks, columns, how)
