"""Merged segments hold what the small ones held, and readers and writers notice nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mtlrun.errors import StoreError
from mtlrun.store import files
from mtlrun.store.compact import compact
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.segments import Segments
from mtlrun.store.store import Store

COST = {"wall_s": 1.5, "steps": 20, "lanes": 2, "parameters_shared": 10, "parameters_task": {"digit": 5}}


def _record(run_id: str, status: str = "finished", value: float = 0.5, at: str = "2026") -> RunRecord:
    curves = {"task": ["a"], "split": ["val"], "metric": ["loss"], "step": [1], "value": [value]}
    error = "boom" if status == "failed" else None
    score = {"task": "a", "step": 1, "scale": 1.0, "cases": 2, "values": [value, 1.0]}
    scores = [score] if status == "finished" else []
    return RunRecord(run_id, 0, {"id": run_id}, status, error, "cpu", {}, at, COST, {}, curves, scores)


def _filled(path: Path, segments: int = 12) -> Store:
    store = Store(path)
    for k in range(segments):
        store.append([_record(f"{k}-{n}", value=k + n / 8) for n in range(3)])
    return store


def _seen(store: Store) -> tuple[object, ...]:
    curves = store.curves()
    values = dict(zip(curves["run_id"], curves["value"], strict=True))
    scores = store.scores()
    found = [None if (own := scores.get(run_id, "a", 1)) is None else own.tolist() for run_id in values]
    return store.statuses(), store.runs().to_dict("list"), values, found


def test_merged_store_says_the_same_with_fewer_segments(tmp_path: Path) -> None:
    store = _filled(tmp_path)
    before = _seen(store)
    assert compact(tmp_path) == (12, 1)
    assert len(Segments(tmp_path).listed()) == 1
    assert _seen(store) == before == _seen(Store(tmp_path))
    assert compact(tmp_path) == (1, 1)


def test_size_bounds_what_is_merged(tmp_path: Path) -> None:
    _filled(tmp_path, segments=4)
    two = sum(s.size for s in Segments(tmp_path).listed()[:2]) + 10
    assert compact(tmp_path, two) == (4, 2)


def test_order_of_storing_is_kept_with_later_segments(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([_record("a", "failed", at="1"), _record("b", value=0.1)])
    store.append([_record("a", "failed", at="2"), _record("b", value=0.2)])
    compact(tmp_path)
    store.append([_record("a", value=0.3), _record("b", value=0.4)])
    curves = store.curves(["a", "b"])
    assert dict(zip(curves["run_id"], curves["value"], strict=True)) == {"a": 0.3, "b": 0.1}
    compact(tmp_path)
    assert len(store.runs()) == 2
    (segment,) = Segments(tmp_path).listed()
    assert Segments(tmp_path).read(segment, ("run_id",))["run_id"].to_pylist() == ["a", "b", "a", "a"]


def test_what_an_interrupted_merge_left_is_merged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _filled(tmp_path, segments=3)
    store.append([_record("f", "failed")])
    before = _seen(store)

    def killed(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".parquet" and not path.name.startswith("."):
            raise KeyboardInterrupt
        path.exists() and path.rename(path.with_suffix(".gone"))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            compact(tmp_path)
    assert len(Segments(tmp_path).listed()) == 5
    assert _seen(store) == before
    compact(tmp_path)
    assert _seen(store) == before
    (segment,) = Segments(tmp_path).listed()
    assert len(Segments(tmp_path).read(segment, ("run_id",))) == 10


def test_old_segments_without_scores_are_merged(tmp_path: Path) -> None:
    store = _filled(tmp_path, segments=2)
    old = Segments(tmp_path)
    (first, _) = old.listed()
    old.write(
        old.read(first, [name for name in _columns() if name != "scores"]), begin="20200101T000000.000000"
    )
    first.path.unlink()
    compact(tmp_path)
    assert len(store.scores()) == 3 and len(store.runs()) == 6


def _columns() -> list[str]:
    from mtlrun.store.runs.records import SCHEMA

    return SCHEMA.names


def test_others_read_and_write_meanwhile(tmp_path: Path) -> None:
    _filled(tmp_path)
    ended = threading.Event()
    faults: list[BaseException] = []

    def read() -> None:
        store = Store(tmp_path)
        while not ended.is_set():
            try:
                found = store.runs()
                assert {f"{k}-{n}" for k in range(12) for n in range(3)} <= set(found["run_id"])
                store.curves(), Store(tmp_path).scores()
            except BaseException as error:  # noqa: BLE001 (told to the test's thread)
                faults.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    writer = Store(tmp_path)
    for k in range(8):
        writer.append([_record(f"new-{k}")])
        compact(tmp_path)
    ended.set()
    reader.join()
    assert not faults
    assert len(Store(tmp_path).statuses()) == 44


def test_second_merge_at_the_same_time_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _filled(tmp_path, segments=2)
    listed = Segments.listed

    def losing(self: Segments) -> list:  # type: ignore[type-arg]
        found = listed(self)
        found[1].path.unlink()
        return found

    monkeypatch.setattr(Segments, "listed", losing)
    with pytest.raises(StoreError, match="another `mtlrun compact` is under way"):
        compact(tmp_path)


def test_a_file_that_goes_while_a_folder_is_listed_empties_no_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _filled(tmp_path, segments=3)
    whole, looked = files.list_files(tmp_path, ".parquet"), []
    listed_file = files.listed_file

    def going(path: Path) -> files.Listed:
        looked.append(path)
        if len(looked) == 2:
            path.unlink()
        return listed_file(path)

    monkeypatch.setattr(files, "listed_file", going)
    assert files.list_files(tmp_path, ".parquet") == [whole[0], whole[2]]
