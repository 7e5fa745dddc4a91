"""What running commands tell of themselves: who is there, who has ended, and what is swept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.sharing import claim

from mtlrun.store import launchers
from mtlrun.store.launchers import Launchers
from mtlrun.store.processes import identity, is_running


def running(found: Launchers) -> set[str]:
    return {one.key for one in found.running()}


def dead_pid() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_process_here_is_known_and_one_elsewhere_is_believed_until_it_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, dead = claim(tmp_path, ["a"]), claim(tmp_path, ["b"], pid=dead_pid())
    elsewhere = claim(tmp_path, ["c"], pid=dead_pid(), machine="elsewhere")
    found = Launchers(tmp_path)
    assert running(found) == {here, elsewhere}
    monkeypatch.setattr(launchers, "EXPIRY_S", 0.2)
    time.sleep(0.3)
    assert running(found) == set()  # neither has written anything since
    (facts,) = [dict(one.facts) for one in found.read()[0] if one.key == elsewhere]
    found.write(elsewhere, {**facts, "beats": 2})
    assert running(found) == {elsewhere}
    found.sweep()
    assert {path.stem for path in found.folder.glob("*.json")} == {elsewhere} and dead not in running(found)


def test_clocks_are_not_compared(tmp_path: Path) -> None:
    key = claim(tmp_path, ["a"], machine="elsewhere", started_at="1999-01-01T00:00:00+00:00")
    for moment in (0, 2**33):
        os.utime(tmp_path / launchers.FOLDER / f"{key}.json", (moment, moment))
        assert running(Launchers(tmp_path)) == {key}


def test_a_process_that_has_ended_and_is_still_listed_does_not_run(tmp_path: Path) -> None:
    if identity()["process_started"] is None:
        pytest.skip("this system does not tell when a process began")
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    deadline = time.monotonic() + 30
    while is_running(process.pid, 1) or is_running(process.pid, 5):
        assert time.monotonic() < deadline
    process.stdout.close()
    process.wait()
    assert not is_running(process.pid)


def test_files_that_killed_writers_left_are_swept_once_nobody_can_use_them(tmp_path: Path) -> None:
    folder = tmp_path / launchers.FOLDER
    claim(tmp_path, [])
    old, new = folder / f".a.json.{dead_pid()}-0123abcd.tmp", folder / ".b.json.1-0123abcd.tmp"
    for path in (old, new, folder / "nobody.cancel"):
        path.touch()
    os.utime(old, (0, 0))
    Launchers(tmp_path).sweep()
    assert not old.exists() and new.exists() and not (folder / "nobody.cancel").exists()


def test_a_request_to_end_is_seen_and_goes_with_its_command(tmp_path: Path) -> None:
    key, found = claim(tmp_path, []), Launchers(tmp_path)
    assert not found.is_asked_to_end(key)
    Launchers(tmp_path).ask_to_end(key)
    assert found.is_asked_to_end(key)
    found.remove(key)
    assert os.listdir(found.folder) == []


def test_nothing_is_written_where_the_store_was_removed(tmp_path: Path) -> None:
    Launchers(tmp_path / "gone").write("a", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"pid": "5"}, "`pid` must be a whole number of at least 1, found 5"),
        ({"claims": "ab"}, "`claims` must be a list, found ab"),
        ({"beats": -1}, "`beats` must be a whole number of at least 0, found -1"),
        ({"state": "asleep"}, "`state` must be one of those, found asleep"),
        ({"schema_version": 2}, "`schema_version` must be 1, found 2"),
    ],
)
def test_files_are_checked(changes: dict[str, object], fault: str, tmp_path: Path) -> None:
    claim(tmp_path, [], **changes)
    found, faults = Launchers(tmp_path).read()
    assert found == [] and len(faults) == 1 and fault.split(", found")[0] in faults[0]


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    key = claim(tmp_path, ["a"])
    os.mkfifo(tmp_path / launchers.FOLDER / "pipe.json")
    (tmp_path / launchers.FOLDER / "folder.json").mkdir()
    found, faults = Launchers(tmp_path).read()
    assert [one.key for one in found] == [key] and faults == []
