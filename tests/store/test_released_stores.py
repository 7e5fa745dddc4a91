"""Stores of every schema that was released are read: one of each is committed, and none is ever made anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.commands import mtlrun, reported

STORES = Path(__file__).parent / "released"


@pytest.mark.parametrize("name", ["schema_1"])
def test_it_is_reported(name, tmp_path):
    store = tmp_path / name
    shutil.copytree(STORES / name, store)
    rows = reported(store)["rows"]
    assert {(row["mitigation"], row["n_seeds"]) for row in rows} == {("none", 3), ("pcgrad", 3)}
    assert all(row["stl_mean"] > 0 and row["mtl_mean"] > 0 for row in rows)
    assert mtlrun("doctor", str(store)).code == 0


def test_every_schema_has_one():
    assert [path.name for path in sorted(STORES.iterdir())] == ["schema_1"]
