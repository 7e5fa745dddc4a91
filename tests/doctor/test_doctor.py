from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mtlrun.cli import main
from mtlrun.doctor.examination import MANY_SEGMENTS, examine
from mtlrun.doctor.installation import packages
from mtlrun.doctor.store_health import file_system, store_facts
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.store import Store
from mtlrun.version import __version__


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for number in range(3):
        record = RunRecord(f"r{number}", number, {}, "finished", None, "cpu", {"torch": "2"}, "2026-01-01")
        Store(tmp_path / "store").append([record])
    return tmp_path / "store"


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = main(["doctor", *words, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_whole_store_is_well(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, page = asked(capsys, str(store))
    assert code == 0 and page["problems"] == []
    assert page["mtlrun"] == __version__ and page["packages"]["torch"] and page["cores"] >= 1
    found = page["store"]
    assert (found["segments"], found["records"], found["damaged"], found["studies"]) == (3, 3, {}, [])
    assert found["without_checksum"] == found["temporary_files"] == found["running"] == 0
    assert found["index"] == {"segments": 0, "age_s": None}


def test_damage_is_named_and_tells_the_way_out(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, _ = sorted(store.glob("*.parquet"))
    first.write_bytes(first.read_bytes()[:-20])
    plain = second.with_name("a.parquet")  # as an earlier version named it: no checksum
    second.rename(plain)
    content = bytearray(plain.read_bytes())
    content[60] ^= 0xFF
    plain.write_bytes(content)
    (store / "studies").mkdir()
    (store / "studies" / "main.json").write_text("{")
    (store / ".x.parquet.1-00000000.tmp").touch()
    code, page = asked(capsys, str(store))
    assert code == 1
    assert page["store"]["damaged"].keys() == {first.name, plain.name}
    assert "checksum" in page["store"]["damaged"][first.name]
    assert page["store"]["damaged_studies"].keys() == {"main"}
    assert page["store"]["temporary_files"] == 1 and page["store"]["records"] == 1
    assert any("move damaged segments out" in text for text in page["problems"])
    assert main(["doctor", str(store)]) == 1
    text = capsys.readouterr().out
    assert first.name in text and "2 damaged" in text


def test_many_small_segments_are_a_hint(store: Path) -> None:
    page = examine(store)
    assert not any("compact" in hint for hint in page.hints)
    (source,) = sorted(store.glob("*.parquet"))[:1]
    for number in range(MANY_SEGMENTS):
        os.link(source, store / f"copy{number:03}.parquet")
    assert any("`mtlrun compact`" in hint for hint in examine(store).hints)


def test_store_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    code, page = asked(capsys)
    assert (code, page["store"]) == (0, None)
    assert main(["doctor", "elsewhere"]) == 2
    assert "must be a folder that is there" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["doctor", "file"]) == 2


def test_network_file_systems_are_known(store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\nb {tmp_path}x tmpfs rw 0 0\n")
    monkeypatch.setattr("mtlrun.doctor.store_health.MOUNTS", mounts)
    assert file_system(store) == "nfs4" and file_system(Path("/usr")) == "ext4"
    assert any("network file system (nfs4)" in hint for hint in examine(store).hints)
    assert store_facts(store)["file_system"] == "nfs4"


def test_packages_are_those_that_the_project_asks_for() -> None:
    needed, optional = packages()
    assert {"torch", "numpy", "pyarrow"} <= needed.keys()
    assert "pytest" not in {**needed, **optional} and "mtlrun" not in {**needed, **optional}
