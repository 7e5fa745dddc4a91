"""The index spares reading, and never changes what is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtlrun.store.files import Listed
from mtlrun.store.index import NAME, WORTH_WRITING, read_index
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.segments import Segments
from mtlrun.store.store import Store

COST = {"wall_s": 1.5, "steps": 20, "lanes": 2, "parameters_shared": 10, "parameters_task": {"digit": 5}}


def _record(run_id: str, status: str = "finished") -> RunRecord:
    return RunRecord(run_id, 0, {}, status, None, "cpu", {}, "2026", COST)


def _filled(path: Path, segments: int = WORTH_WRITING) -> Store:
    store = Store(path)
    for k in range(segments):
        store.append([_record(f"r{k}", ("finished", "diverged", "failed")[k % 3])])
    return store


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the segments that are read, one entry a time."""
    names: list[str] = []
    inner = Segments._read

    def counted(self: Segments, segment: Listed, columns: Sequence[str], rows: Any = None) -> Any:
        names.append(segment.path.name)
        return inner(self, segment, columns, rows)

    monkeypatch.setattr(Segments, "_read", counted)
    return names


def test_indexed_store_is_opened_without_reading_segments(tmp_path: Path, read: list[str]) -> None:
    before = _filled(tmp_path).statuses()
    read.clear()
    assert Store(tmp_path).statuses() == before
    assert read == []
    Store(tmp_path).append([_record("new")])
    assert Store(tmp_path).statuses() == before | {"new": "finished"}
    assert len(read) == 1


def test_only_segments_of_the_asked_runs_are_read(tmp_path: Path, read: list[str]) -> None:
    _filled(tmp_path).statuses()
    read.clear()
    assert len(Store(tmp_path).runs(["r3", "r5"])) == 2
    assert len(read) == 2


def test_small_store_has_no_index(tmp_path: Path) -> None:
    _filled(tmp_path, WORTH_WRITING - 1).statuses()
    assert not (tmp_path / NAME).exists()


def test_damaged_index_is_ignored_and_made_anew(tmp_path: Path) -> None:
    before = _filled(tmp_path).statuses()
    whole = (tmp_path / NAME).read_bytes()
    for position in np.random.default_rng(0).integers(0, 8 * len(whole), 50).tolist():
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        (tmp_path / NAME).write_bytes(flipped)
        assert read_index(tmp_path) == {}
    for content in (b"", whole[:40], whole[: len(whole) // 2]):
        (tmp_path / NAME).write_bytes(content)
        assert Store(tmp_path).statuses() == before
    assert len(read_index(tmp_path)) == WORTH_WRITING


def test_changed_and_removed_segments_are_noticed(tmp_path: Path) -> None:
    _filled(tmp_path).statuses()
    first, second, *_ = Segments(tmp_path).listed()
    first.path.unlink()
    assert "r0" not in Store(tmp_path).statuses()
    second.path.write_bytes(second.path.read_bytes()[:-1])
    with pytest.raises(Exception, match="do not fit the checksum"):
        Store(tmp_path).statuses()


def test_folder_in_the_place_of_the_index_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    assert len(_filled(tmp_path).statuses()) == WORTH_WRITING
