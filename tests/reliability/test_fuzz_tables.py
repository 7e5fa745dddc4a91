"""Tables at random: each is looked at or planned, and those that can be planned are trained for a few steps."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzz.csv_tables import write_table
from support.fuzz.examples import LONG, QUICK, long, quick
from support.fuzz.outcome import Search

SHORT = (
    "seeds=1",
    "budget=steps",
    "budget.steps=3",
    "budget.evaluations=1",
    "launch.processes=1",
    "budget.batch_size=8",
)
TRAINED = 0.25
"""Part of the tables that can be planned and are trained too."""


def _tables(search: Search, settings) -> None:
    @settings
    @given(st.integers(0, 2**63))
    def look(drawn: int) -> None:
        rng = random.Random(drawn)
        words = write_table(search.folder / "t.csv", rng)
        if rng.random() < 0.2:
            search.run(["show", *words])
            return
        planned = search.run(["plan", *words, *SHORT])
        if planned is None or planned.code != 0:
            return
        search.counts["trainable"] += 1
        if rng.random() < TRAINED:
            trained = search.run(["run", *words, *SHORT])
            search.counts["trained"] += trained is not None and trained.code in (0, 1)

    look()


@pytest.mark.slow
def test_tables(search):
    _tables(search, quick(QUICK["tables"]))
    search.verify("tables")
    assert search.counts["trainable"] >= 3 and search.counts["trained"] >= 1


@pytest.mark.slow
def test_search_tables(search):
    _tables(search, long(LONG["tables"]))
    search.verify("tables")
