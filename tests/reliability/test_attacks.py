"""What broke when it was attacked, and what commands may read or write to."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.commands import mtlrun, tiny

import mtlrun as package
from mtlrun.errors import ConfigError
from mtlrun.progress import Progress
from mtlrun.store.index import read_index


def _parquet(metadata: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({"run_id": ["a"], "status": pa.array([99], pa.int8())})
    pq.write_table(table.replace_schema_metadata({"mtlrun.index": metadata}), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 100,
        _parquet(b'{"version": 1}'),
        _parquet(b"[1]"),
        _parquet(b'{"version": 1, "segments": [[1]]}'),
        _parquet(b'{"version": 1, "segments": [["a", 1, 1, 1]]}'),
    ],
)
def test_an_index_of_something_else_is_ignored(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ".index").write_bytes(hashlib.sha256(content).digest() + content)
    assert read_index(tmp_path) == {}


@pytest.mark.parametrize("command", ["report", "doctor", "compact", "plan"])
def test_a_name_that_is_no_text_is_told(command, trained, tmp_path, monkeypatch):
    store, scandir = tmp_path / "store", os.scandir
    shutil.copytree(trained.store, store)

    @contextlib.contextmanager
    def with_odd_name(folder):  # which not every file system takes
        with scandir(folder) as entries:
            odd = SimpleNamespace(name="\udcff.parquet", path=f"{folder}/\udcff.parquet")
            yield [*entries, odd] if Path(folder) == store else entries

    monkeypatch.setattr("mtlrun.store.files.os.scandir", with_odd_name)
    words = tiny(store) if command == "plan" else [str(store)]
    found = mtlrun(command, *words)
    assert found.code in (1, 2)
    assert "udcff.parquet' must be text in UTF-8" in (found.err + found.out).replace("\n", " ")


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_a_path_that_no_file_system_takes_is_told(path: str) -> None:
    with pytest.raises(ConfigError, match="`store` must be a path in UTF-8"):
        package.plan("suite=linear_teachers", store=path)


def test_feather_files_of_version_1_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.feather"
    path.write_bytes(b"FEA1" + bytes(40) + b"FEA1")
    found = mtlrun("show", "suite=table", f"suite.path={path}")
    assert found.code == 2 and "Feather files of version 1 are not read" in found.err


def test_an_option_that_is_nested_too_deeply_is_told(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    deep = "[" * 1000 + "]" * 1000
    (tmp_path / "model" / "deep.yaml").write_text(f"_target_: mtlrun.models.mlp.MLP\nwidth: {deep}\n")
    for words in (["list", "model"], ["show", "model=deep"]):
        found = mtlrun(*words, "--config-dir", str(tmp_path))
        assert found.code == 2 and "nested too deeply" in found.err


def test_threads_plan_at_the_same_time(tmp_path: Path) -> None:
    steps: list[int] = []

    def plan(seeds: int) -> None:
        steps.append(package.plan("suite=linear_teachers", seeds=seeds, store=str(tmp_path))["run_steps"])

    threads = [threading.Thread(target=plan, args=(seeds,)) for seeds in (2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(steps)) == 3


def test_a_standard_error_whose_reader_has_gone_ends_no_training(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mtlrun.cli", "run", *tiny(tmp_path / "store", "seeds=2")]
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as gone:
        done = subprocess.run(command, stderr=gone, stdout=subprocess.PIPE, text=True)
        wrong = subprocess.run([*command[:3], "plan", "bad=1"], stderr=gone, stdout=subprocess.PIPE)
    assert done.returncode == 0 and "digit" in done.stdout
    assert wrong.returncode == 2


def test_progress_on_a_full_disk_is_not_told() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "no space left on device")

        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "no space left on device")

    Progress(Full()).note("training")
