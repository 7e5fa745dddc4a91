"""Folders of options at random: listed, explained, and planned with."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzz.examples import LONG, QUICK, long, quick
from support.fuzz.folders import write_folder
from support.fuzz.outcome import Search


def _folders(search: Search, settings) -> None:
    @settings
    @given(st.integers(0, 2**63))
    def look(drawn: int) -> None:
        rng = random.Random(drawn)
        group, name = write_folder(search.folder / "own", rng)
        own = ["--config-dir", "own"]
        suite = [] if group == "suite" else ["suite=linear_teachers"]
        commands = (
            ["list", group, *own],
            ["list", *own],
            ["show", f"{group}={name}", *own],
            ["plan", *suite, f"{group}={name}", *own],
            ["plan", *suite, f"{group}={name}", *own],
            ["sweep", *suite, f"{group}=glob(*)", *own, "seeds=x"],
        )
        result = search.run(rng.choice(commands))
        search.counts["accepted"] += result is not None and result.code == 0

    look()


@pytest.mark.slow
def test_folders(search):
    _folders(search, quick(QUICK["folders"]))
    search.verify("folders of options")
    assert search.counts["accepted"] >= 1


@pytest.mark.slow
def test_search_folders(search):
    _folders(search, long(LONG["folders"]))
    search.verify("folders of options")
