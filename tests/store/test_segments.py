"""A segment that cannot be trusted is refused by name, whichever of its bits was flipped."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtlrun.errors import StoreError
from mtlrun.store.runs.records import RunRecord, to_table
from mtlrun.store.segments import GROUP_RUNS, Segments, VanishedError

COST = {"wall_s": 1.5, "steps": 20, "lanes": 2, "parameters_shared": 10, "parameters_task": {"digit": 5}}
COLUMNS = ("run_id", "status", "curves", "scores")


def _record(run_id: str, seed: int = 0) -> RunRecord:
    curves = {"task": ["digit"], "split": ["val"], "metric": ["accuracy"], "step": [10], "value": [seed / 8]}
    score = {"task": "digit", "step": 10, "scale": 1.0, "cases": 2, "values": np.array([seed, 1], "f2")}
    return RunRecord(
        run_id, seed, {"a": [1]}, "finished", None, "cpu", {"torch": "2"}, "2026", COST, {}, curves, [score]
    )


def _written(folder: Path, runs: int = 3) -> Segments:
    segments = Segments(folder)
    segments.write(to_table([_record(f"r{k}", k) for k in range(runs)]))
    return segments


def _replaced(segments: Segments, table: pa.Table) -> Segments:
    """Return the segments with another table in the file of the only one, whose name has no checksum."""
    (segment,) = segments.listed()
    segment.path.unlink()
    pq.write_table(table, segments.folder / "20260101T000000.000000-1-aaaaaaaa.parquet")
    return segments


def _read(segments: Segments, columns: tuple[str, ...] = COLUMNS) -> pa.Table:
    (segment,) = segments.listed()
    return segments.read(segment, columns)


def test_only_the_asked_columns_are_read(tmp_path: Path) -> None:
    assert _read(_written(tmp_path), ("status", "run_id"))[:1].to_pylist() == [
        {"status": "finished", "run_id": "r0"}
    ]


def test_the_order_of_storing_does_not_follow_a_clock_that_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = Segments(tmp_path)
    paths = []
    for moment in ("20260301T000000.000000", "20260101T000000.000000", "20250101T000000.000000"):
        monkeypatch.setattr("mtlrun.store.segments.stamp", lambda at, now=moment: _at(at, now))
        paths.append(segments.write(to_table([_record(moment)])))
    assert paths == sorted(paths) == [segment.path for segment in segments.listed()]


def _at(moment: datetime, now: str) -> str:
    """Return `now` for the moment of now, and other moments as they are."""
    return now if moment.tzinfo else moment.strftime("%Y%m%dT%H%M%S.%f")


@pytest.mark.parametrize("rows", [[0], [GROUP_RUNS - 1, GROUP_RUNS], [3, GROUP_RUNS + 5, 2 * GROUP_RUNS + 1]])
def test_rows_come_from_the_right_row_groups(tmp_path: Path, rows: list[int]) -> None:
    segments = _written(tmp_path, 2 * GROUP_RUNS + 2)
    (segment,) = segments.listed()
    assert segments.read(segment, ("run_id", "seed"), rows).to_pylist() == [
        {"run_id": f"r{k}", "seed": k} for k in rows
    ]


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    segments = _written(tmp_path)
    (segment,) = segments.listed()
    whole = segment.path.read_bytes()
    for position in np.random.default_rng(0).integers(0, 8 * len(whole), 200).tolist():
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        segment.path.write_bytes(flipped)
        with pytest.raises(StoreError, match="do not fit the checksum in its name") as caught:
            _read(segments, ("run_id",))
        assert f"`{segment.path}`" in str(caught.value) and "will be trained again" in str(caught.value)
    segment.path.write_bytes(whole)
    assert len(_read(segments)) == 3


def test_bytes_are_summed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = _written(tmp_path)
    _read(segments)
    monkeypatch.setattr("hashlib.sha256", lambda *_: pytest.fail("summed again"))
    assert len(_read(segments)) == 3


def test_segments_without_checksum_are_read(tmp_path: Path) -> None:
    assert len(_read(_replaced(_written(tmp_path), to_table([_record("a")])))) == 1


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"not Parquet"])
@pytest.mark.parametrize("summed", [True, False])
def test_damaged_segment_is_refused_with_the_way_out(tmp_path: Path, damage, summed: bool) -> None:  # type: ignore[no-untyped-def]
    segments = _written(tmp_path)
    if not summed:
        _replaced(segments, to_table([_record("a")]))
    (segment,) = segments.listed()
    segment.path.write_bytes(damage(segment.path.read_bytes()))
    with pytest.raises(StoreError, match="other segments of the store are untouched") as caught:
        _read(segments)
    assert f"`{segment.path}`" in str(caught.value) and caught.value.exit_code == 2


def test_segment_of_another_schema_version_is_refused(tmp_path: Path) -> None:
    table = to_table([_record("a")]).replace_schema_metadata({"mtlrun.schema_version": "99"})
    with pytest.raises(StoreError, match="schema version 99, this mtlrun reads 1"):
        _read(_replaced(_written(tmp_path), table))


def test_foreign_parquet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="was not written by mtlrun"):
        _read(_replaced(_written(tmp_path), pa.table({"run_id": ["a"], "status": ["finished"]})))


def test_missing_column_is_named_but_for_scores(tmp_path: Path) -> None:
    table = to_table([_record("a")])
    with pytest.raises(StoreError, match=r"lacks the columns \['curves'\]"):
        _read(_replaced(_written(tmp_path / "a"), table.drop_columns(["curves"])))
    old = _replaced(_written(tmp_path / "b"), table.drop_columns(["scores"]))
    assert _read(old).column_names == ["run_id", "status", "curves"]


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("run_id", pa.array([None], pa.string()), "`run_id` must have a value for each run"),
        ("run_id", pa.array([""]), "`run_id` must not be empty"),
        ("run_id", pa.array([7]), "`run_id` must be a column of string, and is one of int64"),
        ("status", pa.array(["done"]), "`status` must be one of finished, diverged, failed, found 'done'"),
        ("curves", None, "`curves.step` must have a value in each entry"),
        ("scores", None, "`scores.cases` must be at least 1"),
    ],
)
def test_column_that_no_run_has_is_named(tmp_path: Path, column: str, values: pa.Array, told: str) -> None:
    table = to_table([_record("a")])
    if values is None:
        entries = table[column].to_pylist()
        entries[0][0] |= {"step": None} if column == "curves" else {"cases": 0}
        values = pa.array(entries, table.schema.field(column).type)
    changed = table.set_column(table.column_names.index(column), column, values)
    with pytest.raises(StoreError, match="was changed after it was written") as caught:
        _read(_replaced(_written(tmp_path), changed.replace_schema_metadata(table.schema.metadata)))
    assert told in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize(
    ("make", "kind"),
    [(os.mkdir, "a folder"), (os.mkfifo, "a pipe"), (lambda p: os.symlink("gone", p), "a link to nothing")],
)
def test_what_is_no_file_is_named_and_not_read(tmp_path: Path, make, kind: str) -> None:  # type: ignore[no-untyped-def]
    segments = _written(tmp_path)
    make(tmp_path / "aa.parquet")
    with pytest.raises(StoreError, match=rf"aa\.parquet` must be a file, and is {kind}"):
        segments.listed()


def test_segment_that_has_gone_is_told_apart(tmp_path: Path) -> None:
    segments = _written(tmp_path)
    (segment,) = segments.listed()
    segment.path.unlink()
    with pytest.raises(VanishedError):
        segments.read(segment, ("run_id",))


def test_rows_of_several_segments_are_one_table_that_knows_where_they_come_from(tmp_path: Path) -> None:
    segments = Segments(tmp_path)
    for first in (0, 3, 6):
        segments.write(to_table([_record(f"r{k}", k) for k in range(first, first + 3)]))
    one, two, three = segments.listed()
    (joined,) = segments.read_joined([(one, [0, 2]), (two, [1]), (three, [0, 1, 2])], ("run_id", "seed"))
    assert joined.table["run_id"].to_pylist() == ["r0", "r2", "r4", "r6", "r7", "r8"]
    assert [joined.segment_of(row) for row in range(6)] == [one, one, two, three, three, three]


def test_large_segments_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = Segments(tmp_path)
    for k in range(3):
        segments.write(to_table([_record(f"r{k}")]))
    sizes = [segment.size for segment in segments.listed()]
    monkeypatch.setattr("mtlrun.store.segments.TOGETHER", sizes[0] + sizes[1])
    parts = [(segment, [0]) for segment in segments.listed()]
    assert [len(joined.segments) for joined in segments.read_joined(parts, ("run_id",))] == [2, 1]


def test_segments_with_and_without_scores_are_read_together(tmp_path: Path) -> None:
    segments = _replaced(_written(tmp_path, 1), to_table([_record("old")]).drop_columns("scores"))
    segments.write(to_table([_record("new")]))
    parts = [(segment, [0]) for segment in segments.listed()]
    (joined,) = segments.read_joined(parts, ("run_id", "scores"))
    assert [len(scores or ()) for scores in joined.table["scores"].to_pylist()] == [0, 1]


@pytest.mark.parametrize("values", [pa.array(["lost"]), pa.array([1]), pa.array([None], pa.string())])
def test_of_segments_that_are_read_together_the_faulty_one_is_named(tmp_path: Path, values: pa.Array) -> None:
    table = to_table([_record("odd")])
    place = table.column_names.index("status")
    segments = _replaced(_written(tmp_path, 1), table.set_column(place, "status", values))
    segments.write(to_table([_record("sound")]))
    faulty, sound = segments.listed()
    with pytest.raises(StoreError, match=faulty.path.name):
        list(segments.read_joined([(sound, [0]), (faulty, [0])], ("run_id", "status")))
