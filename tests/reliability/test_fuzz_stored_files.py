"""Stores, studies, locks and weights that were damaged at random: every command that reads them says so."""

from __future__ import annotations

import random
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import tiny
from support.fuzz.examples import LONG, QUICK, long, quick
from support.fuzz.outcome import Search
from support.fuzz.stored_files import damage


def _files(search: Search, settings, stored) -> None:
    store, lock = search.folder / "runs", search.folder / "lock.json"

    @settings
    @given(st.integers(0, 2**63))
    def look(drawn: int) -> None:
        rng = random.Random(drawn)
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(stored.store, store)
        shutil.copy(stored.lock, lock)
        damage(store, lock, rng)
        where = ["--store", str(store)]
        level = rng.choice(["curves", "phases", "cost", "diagnostics", "attribution", "runs", "variance"])
        commands = (
            ["check", str(lock), *where],
            ["report", str(store), "--format", "json"],
            ["report", str(store), "--level", level],
            ["report", str(store)],
            ["lock", str(store), "-o", "new.json"],
            ["plan", *tiny(store, "suite=linear_teachers", "mitigation=none,pcgrad", "save=best", "study=s")],
            ["export", stored.run_id, *where, "-o", "model"],
            ["compact", str(store)],
            ["report", str(store), "-o", "page.html"],
        )
        result = search.run(rng.choice(commands), search.folder / "page.html")
        for name in ("page.html", "new.json"):
            (search.folder / name).unlink(missing_ok=True)
        shutil.rmtree(search.folder / "model", ignore_errors=True)
        search.counts["read all the same"] += result is not None and result.code == 0

    look()


@pytest.mark.slow
def test_stored_files(search, stored):
    _files(search, quick(QUICK["files"]), stored)
    search.verify("stored files")
    assert search.counts["exit 2"] >= 2


@pytest.mark.slow
def test_search_stored_files(search, stored):
    _files(search, long(LONG["files"]), stored)
    search.verify("stored files")
