"""Associations of columns, against values worked out by hand."""

import numpy as np
import pytest

from mtlrun.data.tables.columns import Column
from mtlrun.data.tables.first_look.association import association

ROWS = np.arange(4)
AMOUNT = Column("a", "number", np.array([1.0, 2.0, 3.0, 6.0]))
TWO = Column("t", "category", np.array([0.0, 0.0, 1.0, 1.0]), ("no", "yes"))
THREE = Column("c", "category", np.array([0.0, 1.0, 2.0, 2.0]), ("x", "y", "z"))
OTHER = Column("o", "category", np.array([2.0, 1.0, 0.0, 0.0]), ("p", "q", "r"))
GAPS = Column("g", "number", np.array([1.0, np.nan, 3.0, 6.0]))
SAME = Column("s", "number", np.ones(4))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    (
        # Deviations of AMOUNT from 3: -2, -1, 0, 3; of TWO from 1/2: -1/2, -1/2, 1/2, 1/2: 3 / sqrt(14 * 1).
        (AMOUNT, TWO, 3 / np.sqrt(14)),
        # Classes x, y, z have means 1, 2, 4.5: (4 + 1 + 2 * 2.25) / 14 of the squares lie between them.
        (AMOUNT, THREE, np.sqrt(9.5 / 14)),
        (THREE, OTHER, 1.0),  # the same partition under other names
        # x and y are all no, z all yes: chi-square is N, of at most N * (2 - 1), but TWO counts as a number.
        (TWO, THREE, 1.0),
        (GAPS, AMOUNT, 1.0),  # over the three rows that have both
        (SAME, AMOUNT, None),
    ),
)
def test_values_by_hand(one, other, expected):
    for found in (association(one, other, ROWS), association(other, one, ROWS)):
        assert found == (expected if expected is None else pytest.approx(expected))


def test_it_looks_at_the_rows_given():
    assert association(AMOUNT, GAPS, np.array([0, 1])) is None  # one row with both
    assert association(AMOUNT, TWO, np.array([0, 2, 3])) == pytest.approx(
        np.corrcoef([1, 3, 6], [0, 1, 1])[0, 1]
    )
