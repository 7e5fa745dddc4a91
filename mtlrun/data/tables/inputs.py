"""Columns as inputs: which numbers are made of each, and how they are standardised by the training rows.

Which numbers there are follows from the whole table, so that every seed, split and size of training set has networks
of one shape; what they are follows from the training rows alone. A number that is the same in all training rows, as
that of a category that none of them has, is 0 in every row: nothing was learned of it, so it says nothing.

Shape letters: N rows, W numbers of an example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.splits import read_only
from mtlrun.data.tables.columns import Column

YEAR_DAYS, WEEK_DAYS = 365.2425, 7.0


@dataclass(frozen=True)
class Block:
    """The numbers that are made of one column.

    Attributes:
        column: its name.
        kind: as of `Column`.
        classes: of a category, one number each.
        timed: whether dates tell the time of the day.
        gaps: whether values are missing, which a number more tells.
    """

    column: str
    kind: str
    classes: tuple[str, ...] = ()
    timed: bool = False
    gaps: bool = False

    @property
    def width(self) -> int:
        """Return how many numbers they are."""
        own = {"category": len(self.classes), "date": 7 if self.timed else 5}.get(self.kind, 1)
        return own + self.gaps


@dataclass(frozen=True)
class Fitted:
    """What training rows say of the numbers.

    Attributes:
        mean: float64 (W,), 0 for those that tell a category or a gap.
        std: float64 (W,), likewise 1.
        live: bool (W,): whether training rows differ in it.
    """

    mean: np.ndarray
    std: np.ndarray
    live: np.ndarray


@lru_cache(maxsize=2**16)
def block_of(column: Column) -> Block | None:
    """Return what is made of a column; None where it is the same in every row or cannot be an input."""
    there = column.values[~np.isnan(column.values)]
    gaps = len(there) < len(column.values)
    if not len(there) or (not gaps and there.min() == there.max()):
        return None
    timed = column.kind == "date" and bool((there % 1 != 0).any())
    return Block(column.name, column.kind, column.classes, timed, gaps)


def in_order(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return blocks with the categories last, as an embedding wants them."""
    return (*(b for b in blocks if b.kind != "category"), *(b for b in blocks if b.kind == "category"))


def fitted(blocks: Sequence[Block], columns: Mapping[str, Column], rows: np.ndarray) -> Fitted:
    """Return what some rows say of the numbers that are made of columns.

    Args:
        blocks: what is made.
        columns: by name, with all rows.
        rows: of the training part.
    """
    means, stds, live = [], [], []
    for block in blocks:
        for values, scaled in _numbers(block, columns[block.column].values[rows], block.classes):
            seen = values[~np.isnan(values)]
            differs = len(seen) > 0 and bool(seen.min() < seen.max() and seen.std() > 0)
            live.append(differs)
            means.append(seen.mean() if scaled and differs else 0.0)
            stds.append(seen.std() if scaled and differs else 1.0)
    return Fitted(np.array(means), np.array(stds), np.array(live, dtype=bool))


def matrix(blocks: Sequence[Block], columns: Mapping[str, Column], how: Fitted) -> np.ndarray:
    """Return the inputs, float32 (N, W): missing numbers are the mean of the training part, which is 0.

    Args:
        blocks: what is made.
        columns: by name; categories may have classes that the blocks do not know.
        how: they are standardised.
    """
    rows = len(next(iter(columns.values())).values)
    found = np.zeros((rows, len(how.mean)), dtype=np.float32)
    place = 0
    for block in blocks:
        column = columns[block.column]
        for values, _ in _numbers(block, column.values, column.classes):
            if how.live[place]:
                found[:, place] = np.nan_to_num((values - how.mean[place]) / how.std[place])
            place += 1
    return read_only(found)


def _numbers(block: Block, values: np.ndarray, classes: Sequence[str]) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield (N,) numbers of a column, and whether they are standardised."""
    gap = np.isnan(values)
    if block.kind == "category":
        known = {name: code for code, name in enumerate(classes)}
        for name in block.classes:
            yield (values == known.get(name, -1)).astype(np.float64), False
    elif block.kind == "date":
        yield values, True
        for days in (YEAR_DAYS, WEEK_DAYS, *([1.0] if block.timed else [])):
            angle = 2 * np.pi * (values % days) / days
            yield np.sin(angle), True
            yield np.cos(angle), True
    else:
        yield values, True
    if block.gaps:
        yield gap.astype(np.float64), False


@lru_cache(maxsize=32)
def prepared(
    blocks: tuple[Block, ...], columns: tuple[Column, ...], train: IdentityKey[np.ndarray]
) -> tuple[np.ndarray, Fitted]:
    """Return the inputs (N, W) of a table and how they were standardised, the same objects every time.

    Args:
        blocks: what is made of columns.
        columns: of the blocks.
        train: rows of the training part.
    """
    by_name = {column.name: column for column in columns}
    how = fitted(blocks, by_name, train.it)
    return matrix(blocks, by_name, how), how
