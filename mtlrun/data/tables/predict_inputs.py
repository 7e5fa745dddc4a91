"""Inputs of a trained run from a table that it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mtlrun.data.tables.columns import Column, names, opened
from mtlrun.data.tables.inputs import Block, matrix
from mtlrun.data.tables.reading import File
from mtlrun.data.tables.settings import TableSettings
from mtlrun.errors import ConfigError, DataError, Fault, did_you_mean
from mtlrun.text.pluralize import pluralize

TOLD = 3  # categories that a note names


def fresh_inputs(suite: TableSettings, file: File, train: np.ndarray) -> np.ndarray:
    """Return the inputs (N, W) of another table, standardised by the training rows of a suite's own.

    A category that training did not have is none of the known ones; further columns are not looked at.

    Raises:
        DataError: the file cannot be read, or a column is absent or holds other values.
    """
    blocks, (_, how) = suite.blocks(), suite.prepared(train)
    return matrix(blocks, _columns(suite, file, blocks), how)


def fresh_notes(suite: TableSettings, file: File) -> Iterator[str]:
    """Yield the categories of another table that a suite's own does not have.

    Raises:
        DataError: as of `fresh_inputs`.
    """
    blocks = [block for block in suite.blocks() if block.kind == "category"]
    columns = _columns(suite, file, blocks)
    for block in blocks:
        found = columns[block.column]
        strange = [code for code, name in enumerate(found.classes) if name not in block.classes]
        if strange:
            rows = pluralize(int(np.isin(found.values, strange).sum()), "row")
            told = ", ".join(repr(found.classes[code]) for code in strange[:TOLD])
            more = ", ..." if len(strange) > TOLD else ""
            yield f"{file.path}: in {rows} column {block.column} has what the run's data lack: {told}{more}"


def _columns(suite: TableSettings, file: File, blocks: Sequence[Block]) -> dict[str, Column]:
    """Return what another table has in the columns of blocks, by name."""
    try:
        return _checked(suite, file, blocks)
    except ConfigError as error:  # about this file, whatever setting it names
        faults = (f._replace(key=file.path) if isinstance(f, Fault) else f for f in error.faults)
        raise DataError("; ".join(map(str, faults))) from error


def _checked(suite: TableSettings, file: File, blocks: Sequence[Block]) -> dict[str, Column]:
    known = names(file)
    there = set(known)
    absent = [block.column for block in blocks if block.column not in there]
    if absent:
        lacks = ", ".join(name + did_you_mean(name, known, " ({})") for name in absent)
        rule = f"must have the columns that the run reads, and lacks {lacks}"
        raise ConfigError([Fault(file.path, rule, list(known))])
    types = tuple(sorted({**{b.column: b.kind for b in blocks}, **(suite.types or {})}.items()))
    opened_columns = opened(file, types)
    columns = {block.column: opened_columns.column(block.column) for block in blocks}
    for name, found in columns.items():
        if found.too_large:
            rule = f"must hold finite numbers, and column {name} does not in row {found.too_large}"
            raise ConfigError([Fault(file.path, rule)])
    return columns
