"""What killed writers left is removed, and nothing else; what is read outlives Python's end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mtlrun.store.files import sweep, write_whole
from mtlrun.store.store import Store

LONG_AGO = (0, 0)
PACKAGE = Path(__file__).parents[2] / "mtlrun"


def _ended_process() -> int:
    return int(subprocess.check_output([sys.executable, "-c", "import os; print(os.getpid())"]))


def _left(folder: Path, pid: object, times: tuple[int, int] | None = LONG_AGO) -> Path:
    path = folder / f".a.parquet.{pid}0123abcd.tmp"
    path.write_bytes(b"half")
    if times:
        os.utime(path, times)
    return path


@pytest.mark.parametrize("pid", [f"{_ended_process()}-", ""], ids=["ended", "earlier version"])
def test_old_files_of_ended_writers_are_removed(tmp_path: Path, pid: str) -> None:
    path = _left(tmp_path, pid)
    Store(tmp_path).check_writable()
    assert not path.exists()


def test_files_of_writers_that_may_still_write_stay(tmp_path: Path) -> None:
    kept = [_left(tmp_path, f"{os.getpid()}-"), _left(tmp_path, f"{_ended_process()}-", None)]
    sweep(tmp_path)
    assert all(path.exists() for path in kept)


def test_other_hidden_files_and_folders_stay(tmp_path: Path) -> None:
    names = (".gitignore", ".index", ".a.tmp", "a.parquet.0123abcd.tmp")
    for name in names:
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, LONG_AGO)
    (tmp_path / ".a.0123abcd.tmp").mkdir()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*names, ".a.0123abcd.tmp"}


def test_writer_names_its_process_in_what_it_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    monkeypatch.setattr(os, "replace", lambda *_: None)
    write_whole(tmp_path / "a.json", lambda file: file.write(b"{}"))
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(f".a.json.{os.getpid()}-") and left.suffix == ".tmp"


def test_pyarrow_reads_no_memory_of_python():
    """Its threads may free what they read when Python has begun to end, which aborts the process."""
    reading = [path for path in PACKAGE.rglob("*.py") if "BufferReader(" in path.read_text(encoding="utf-8")]
    assert len(reading) >= 2
    for path in reading:
        text = path.read_text(encoding="utf-8")
        assert "read_buffer(" in text, path
        assert not re.search(r"read_bytes|BytesIO|py_buffer", text), path
