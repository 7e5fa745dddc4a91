"""Command lines at random: overrides from the real options, changed; command words; short runs.

`QUICK` examples are the same ones every time; `LONG` ones are new ones, as many as `MTLRUN_FUZZ` times them.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzz.examples import LONG, QUICK, long, quick
from support.fuzz.outcome import Search
from support.fuzz.words import command, overrides, short_run

SEEDS = st.integers(0, 2**63)


def _clear(folder: Path) -> None:
    """Remove what commands wrote into the working folder."""
    for path in folder.iterdir():
        if path.is_dir() and path.name != "runs":
            shutil.rmtree(path)
        elif path.is_file() and path.name != "lock.json":
            path.unlink()


def _plans(search: Search, settings) -> None:
    @settings
    @given(SEEDS)
    def look(drawn: int) -> None:
        result = search.run(["plan", *overrides(random.Random(drawn))])
        search.counts["planned"] += result is not None and result.code == 0

    look()


def _words(search: Search, settings, stored) -> None:
    @settings
    @given(SEEDS)
    def look(drawn: int) -> None:
        words, output = command(random.Random(drawn), str(stored.store), str(stored.lock), stored.run_id)
        search.run(words, output and search.folder / output)
        _clear(search.folder)

    look()


def _runs(search: Search, settings) -> None:
    @settings
    @given(SEEDS)
    def look(drawn: int) -> None:
        result = search.run(["run", *short_run(random.Random(drawn))])
        search.counts["trained"] += result is not None and result.code in (0, 1)

    look()


@pytest.mark.slow
def test_overrides(search):
    _plans(search, quick(QUICK["overrides"]))
    search.verify("overrides")
    assert search.counts["planned"] >= 1


@pytest.mark.slow
def test_command_words(search, own_copy):
    _words(search, quick(QUICK["words"]), own_copy)
    search.verify("command words")


@pytest.mark.slow
def test_short_runs(search):
    _runs(search, quick(QUICK["runs"]))
    search.verify("short runs")
    assert search.counts["trained"] >= 2


@pytest.mark.slow
def test_search_overrides(search):
    _plans(search, long(LONG["overrides"]))
    search.verify("overrides")


@pytest.mark.slow
def test_search_command_words(search, own_copy):
    _words(search, long(LONG["words"]), own_copy)
    search.verify("command words")


@pytest.mark.slow
def test_search_short_runs(search):
    _runs(search, long(LONG["runs"]))
    search.verify("short runs")
