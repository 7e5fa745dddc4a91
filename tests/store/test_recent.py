"""What has been stored since a moment, also while segments are merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtlrun.store.compact import compact
from mtlrun.store.recent import Recent
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.segments import Segments
from mtlrun.store.store import Store


def record(run_id: str, status: str = "finished") -> RunRecord:
    """Return a run without values."""
    return RunRecord(run_id, 0, {}, status, None, "cpu", {}, f"2026 {run_id} {status}")


def test_only_what_came_since_is_told_and_a_run_that_failed_again_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([record("a"), record("b", "failed")])
    recent = Recent(store, store.segment_names())
    assert recent.statuses() == {}
    Store(tmp_path).append([record("b", "failed"), record("c", "failed"), record("d", "diverged")])
    assert recent.statuses() == {"b": "failed", "c": "failed", "d": "diverged"}
    Store(tmp_path).append([record("c")])
    Store(tmp_path).append([record("c", "failed")])
    assert recent.statuses() == {"b": "failed", "c": "finished", "d": "diverged"}


def test_merging_makes_nothing_new(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([record("a", "failed")])
    store.append([record("b")])
    recent = Recent(store, store.segment_names())
    store.append([record("c")])
    assert recent.statuses() == {"c": "finished"}
    compact(tmp_path)
    assert len(store.segment_names()) == 1 and recent.statuses() == {"c": "finished"}


def test_a_segment_that_is_merged_before_it_is_read_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.append([record("a", "failed")])
    recent = Recent(store, store.segment_names())
    store.append([record("b")])
    names = Segments.names

    def merged_after_listing(self: Segments) -> set[str]:
        found = names(self)
        monkeypatch.setattr(Segments, "names", names)
        compact(tmp_path)
        return found

    monkeypatch.setattr(Segments, "names", merged_after_listing)
    assert recent.statuses() == {"b": "finished"}
