"""Equal rows of a table.

Shape letter: N rows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.tables.columns import Column


@lru_cache(maxsize=64)
def row_marks(columns: tuple[Column, ...]) -> IdentityKey[np.ndarray]:
    """Return a number (N,), uint64, that equal rows share, and others all but never; gaps are equal."""
    marks = np.zeros(len(columns[0].values), dtype=np.uint64)
    for column in columns:
        own = pd.util.hash_array(column.values + 0.0)  # -0.0 is 0.0
        marks = marks * np.uint64(0x9E3779B97F4A7C15) + own
    return IdentityKey(marks)


def joined_groups(marks: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Return groups (N,), int64, that keep equal rows together, and whole groups where there are some.

    Args:
        marks: (N,), the same for equal rows.
        groups: (N,), the same for the rows of a group.
    """
    equal = np.unique(marks, return_inverse=True)[1].reshape(-1).astype(np.int64)
    if groups is None:
        return equal
    joined = equal
    while True:  # until no group has rows of two
        before = joined
        for by in (np.unique(groups, return_inverse=True)[1].reshape(-1), equal):
            least = np.full(by.max() + 1, len(by), dtype=np.int64)
            np.minimum.at(least, by, joined)
            joined = least[by]
        if np.array_equal(joined, before):
            return joined
