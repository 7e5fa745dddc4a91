"""A full disk and one that can only be read: clear words, exit code 2, what had finished is kept, and going on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.commands import Result, mtlrun, segments
from support.killing import COHORTS, Undisturbed, digests, repeated, study, table, whole_runs
from support.small_disks import change, small_disk

FITS_KIB = 120
"""Room for the study's manifest and some of its segments, of about 20 KiB each."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("good") / "store")


def _full(result: Result, store: Path) -> int:
    """Assert that a command told of a full disk; return how many new runs it says are stored."""
    assert result.code == 2, result.err
    assert "Traceback" not in result.err
    assert re.search(rf"^mtlrun: `{store}/.*cannot be written: No space left on device", result.err, re.M)
    told = re.search(r"what had finished is stored \((\d+) runs? (are|is) new\)", result.err)
    return int(told[1]) if told else 0


def _fills(folder: Path, good: Undisturbed, processes: int, kib: int) -> None:
    with small_disk(folder, kib) as disk:
        store = disk / "store"
        words = study(store, processes)
        told = _full(repeated(words), store)
        kept = digests(store)
        assert len(whole_runs(store)) == told > 0
        assert 0 < len(kept) < COHORTS and not list(store.rglob(".*.tmp"))
        assert mtlrun("report", str(store)).code == 0
        _full(repeated(words), store)  # once more, as a user who has not seen it
        assert kept.items() <= digests(store).items()
        change(disk, "size=16m")
        again = repeated(study(store, 1))
        assert again.code == 0, again.err
        assert set(whole_runs(store).values()) == {1}
        assert table(store) == good.table


def test_full_disk_keeps_what_had_finished_and_the_command_goes_on_from_there(tmp_path, good):
    _fills(tmp_path / "disk", good, 1, FITS_KIB)


@pytest.mark.slow
@pytest.mark.parametrize("kib", [60, 80, 100, 140])
def test_full_disk_at_other_moments(tmp_path, good, kib):
    _fills(tmp_path / "disk", good, 1, kib)


@pytest.mark.slow
@pytest.mark.parametrize("kib", [100, 140])
def test_full_disk_with_two_processes(tmp_path, good, kib):
    _fills(tmp_path / "disk", good, 2, kib)


@pytest.mark.slow
@pytest.mark.parametrize("kib", [0, 4, 8, 12, 16, 20])
def test_disk_that_holds_next_to_nothing_is_told(tmp_path, kib):
    with small_disk(tmp_path / "disk", max(kib, 4)) as disk:
        if not kib:
            (disk / "filler").write_bytes(bytes(4096))
        result = repeated(study(disk / "store", 1))
        assert result.code == 2, result.err
        assert "cannot be" in result.err and "No space left on device" in result.err
        assert "Traceback" not in result.err


@pytest.mark.slow
def test_report_file_on_a_full_disk_is_told_and_left_whole_or_not_there(tmp_path, good):
    store = tmp_path / "store"
    assert repeated(study(store, 1)).code == 0
    with small_disk(tmp_path / "disk", 8) as disk:
        for name in ("page.html", "table.csv", "figure.pdf", "rows.parquet", "lock.json"):
            command = ("lock",) if name == "lock.json" else ("report",)
            (disk / name).write_text("old")
            result = mtlrun(*command, str(store), "-o", str(disk / name))
            assert "Traceback" not in result.err
            if result.code == 2:
                assert "No space left on device" in result.err
                assert (disk / name).read_text() == "old"
            (disk / name).unlink()
            assert not list(disk.rglob("*"))


def test_store_that_can_only_be_read(tmp_path):
    with small_disk(tmp_path / "disk", 4096) as disk:
        store, lock = disk / "store", tmp_path / "lock.json"
        words = study(store, 1)
        assert repeated(words).code == 0
        before = segments(store)
        change(disk, "ro")
        read = (
            ("plan", *words),
            ("report", str(store)),
            ("report", str(store), "--format", "json", "--level", "runs"),
            ("report", str(store), "-o", str(tmp_path / "page.html")),
            ("lock", str(store), "-o", str(lock)),
            ("check", str(lock), "--store", str(store)),
        )
        for command in read:
            result = mtlrun(*command)
            assert result.code == 0, (command, result.err)
        more = study(store, 1, seeds="6")
        assert mtlrun("plan", *more).code == 0
        write = (
            ("sweep", *words),
            ("sweep", *more),
            ("compact", str(store)),
            ("lock", str(store), "-o", str(disk / "lock.json")),
            ("report", str(store), "-o", str(disk / "page.html")),
        )
        for command in write:
            result = mtlrun(*command)
            assert result.code == 2, (command, result.err)
            assert "Read-only file system" in result.err and "Traceback" not in result.err
        change(disk, "rw")
        assert segments(store) == before
        assert repeated(more).code == 0
