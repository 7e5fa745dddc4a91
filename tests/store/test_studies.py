"""Which study is the last: the one written last, whatever clocks say, also where several processes write."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from mtlrun.store import studies
from mtlrun.store.studies import Studies


def manifest(name: str) -> dict[str, Any]:
    """Return the manifest of a study without cells."""
    return {"study": name, "statistics": {}, "cells": []}


def write_many(store: Path, name: str) -> None:
    """Write ten studies, in another process."""
    for number in range(10):
        Studies(store).write(manifest(f"{name}{number}"))


def set_clock(monkeypatch: pytest.MonkeyPatch, year: int) -> None:
    """Let the clock say a year."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(year, 1, 1, tzinfo=timezone.utc)

    monkeypatch.setattr(studies, "datetime", Clock)


def test_a_clock_that_is_set_back_does_not_change_which_study_is_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Studies(tmp_path)
    for year, name in ((2030, "first"), (2020, "second"), (2025, "third")):
        set_clock(monkeypatch, year)
        found.write(manifest(name))
        assert found.read()["study"] == name
    set_clock(monkeypatch, 2010)
    found.write(manifest("first"))
    assert found.read()["study"] == "first"


def test_studies_of_earlier_versions_come_before_any_that_is_written_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Studies(tmp_path)
    (tmp_path / "studies").mkdir()
    for name, moment in (("old", "2031-01-01T00:00:00+00:00"), ("older", "2030-01-01T00:00:00+00:00")):
        page = {"schema_version": 1, "written_at": moment, "study": manifest(name)}
        (tmp_path / "studies" / f"{name}.json").write_text(json.dumps(page))
    assert found.read()["study"] == "old"
    set_clock(monkeypatch, 2020)
    found.write(manifest("new"))
    assert found.read()["study"] == "new"


def test_processes_that_write_at_once_never_use_a_number_twice(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(write_many, [tmp_path] * 2, "ab"))
    pages = [json.loads(path.read_bytes()) for path in (tmp_path / "studies").glob("*.json")]
    assert sorted(page["number"] for page in pages) == list(range(1, 21))
