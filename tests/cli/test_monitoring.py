"""`status` and `cancel`, against commands that really run, and against what others left behind."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from support.commands import mtlrun, segments
from support.sharing import claim, ended, start, stored, study, wait_for_segment

from mtlrun.cli.completion import completions
from mtlrun.execution.coordination.status import status_text
from mtlrun.store import launchers
from mtlrun.store.launchers import Launchers
from mtlrun.store.store import Store


def told(store: Path, *arguments: str) -> dict[str, Any]:
    """Return what `mtlrun status --format json` prints."""
    result = mtlrun("status", str(store), "--format", "json", *arguments)
    assert result.code == 0, result.err
    return json.loads(result.out)


@pytest.mark.sample(2)
@pytest.mark.parametrize("processes", [1, 2])
def test_a_running_command_is_shown_and_cancelled(processes: int, tmp_path: Path) -> None:
    store = tmp_path / "store"
    overrides = study(store, f"launch.processes={processes}", steps=1500)
    process = start("sweep", *overrides)
    wait_for_segment(store, process)
    facts = told(store)
    (one,) = facts["studies"]
    (launcher,) = one["launchers"]
    assert facts["running"] and (one["study"], one["runs"]["total"]) == ("main", 24)
    assert launcher["pid"] == process.pid and launcher["command"] == overrides
    assert launcher["heard"] and launcher["state"] == "training" and not launcher["cancelled"]
    assert launcher["run_steps"]["total"] == 24 * 1500
    assert sum(launcher["runs"].values()) == 24 and launcher["runs"]["running"] in (2, 4)
    assert sum(launcher["cohorts"].values()) == 12
    text = mtlrun("status", f"store={store}").out
    assert f"process {process.pid}: trains" in text and "running" in text
    result = mtlrun("cancel", str(store), "--study", "main")
    assert (result.code, result.out) == (0, "")
    assert f"cancelled study main on {launcher['host']}, process {process.pid}" in result.err
    code, out, err, _ = ended(process)
    assert (code, out) == (130, "") and "Traceback" not in err
    assert "mtlrun: cancelled by `mtlrun cancel`; what had finished is stored (" in err
    kept = stored(store)
    assert 2 <= len(kept) < 24 and set(Store(store).statuses().values()) == {"finished"}
    assert not list((store / launchers.FOLDER).glob("*.cancel"))
    after = told(store)
    assert not after["running"] and after["studies"][0]["runs"]["missing"] == 24 - len(kept)


def test_where_nothing_runs_the_last_study_is_told(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert mtlrun("sweep", *study(store, "study=first", "mitigation=none", steps=4)).code == 0
    assert mtlrun("sweep", *study(store, "study=second", steps=4)).code == 0
    before = segments(store)
    result = mtlrun("status", str(store))
    assert result.code == 0 and result.out.splitlines() == [
        f"nothing trains in store {store}",
        f"study second, store {store}",
        "  stored    24 of 24 runs: 24 finished",
    ]
    runs = told(store, "--study", "first")["studies"][0]["runs"]
    assert runs == {"total": 18, "finished": 18, "diverged": 0, "failed": 0, "missing": 0}
    cancelled = mtlrun("cancel", str(store))
    assert (cancelled.code, cancelled.err) == (0, f"nothing trains in store {store}\n")
    for command in ("status", "cancel"):
        unknown = mtlrun(command, str(store), "--study", "frist")
        assert unknown.code == 2 and "did you mean first?" in unknown.err
    assert segments(store) == before


def test_what_a_study_lacks_is_told_with_its_command(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert mtlrun("sweep", *study(store, steps=4)).code == 0
    for path in sorted(store.glob("*.parquet"))[:2]:
        path.unlink()
    text = mtlrun("status", str(store)).out
    assert "stored    20 of 24 runs: 20 finished, 4 missing" in text
    command = shlex.join(study(store, steps=4))
    assert f"to train  what failed or is missing: mtlrun sweep {command}\n" in text


@pytest.mark.parametrize("command", ["status", "cancel"])
def test_no_store_and_the_name_of_a_study_in_its_place_are_faults(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nowhere = mtlrun(command, "nowhere")
    assert nowhere.code == 2 and "`nowhere` does not exist" in nowhere.err
    assert not (tmp_path / "nowhere").exists()


def test_another_machine_is_told_by_its_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launchers, "BEAT_S", 0.1)
    claim(tmp_path, [], machine="elsewhere", host="node7", study="tuned", state="waiting")
    (one,) = told(tmp_path)["studies"]
    assert (one["study"], one["runs"], one["launchers"][0]["heard"]) == ("tuned", None, False)
    text = mtlrun("status", str(tmp_path)).out
    assert "on node7, process" in text and "waits for runs" in text and "no sign of life" in text


def test_several_studies_are_cancelled_by_name(tmp_path: Path) -> None:
    keys = [claim(tmp_path, [], machine="elsewhere", study=name) for name in ("a", "b")]
    result = mtlrun("cancel", str(tmp_path))
    assert result.code == 2 and "`--study` must say which one to cancel (choices: a, b)" in result.err
    assert not any(Launchers(tmp_path).is_asked_to_end(key) for key in keys)


def test_a_command_that_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtlrun.cli.monitoring.WAIT_S", 0.2)
    key = claim(tmp_path, [], machine="elsewhere", host="node7")
    result = mtlrun("cancel", str(tmp_path))
    assert result.code == 0 and "asked study main on node7" in result.err and "has not yet" in result.err
    assert Launchers(tmp_path).is_asked_to_end(key)


def test_damaged_files_are_told_and_hurt_nobody(tmp_path: Path) -> None:
    store = tmp_path / "store"
    claim(store, [], pid=-1)
    (store / launchers.FOLDER / "cut.json").write_text('{"schema_version": 1')
    claim(store, [], cohorts={"queued": 1})
    result = mtlrun("sweep", *study(store, "mitigation=none", steps=4))
    assert result.code == 0, result.err
    shown = mtlrun("status", str(store))
    assert shown.code == 0 and "nothing trains" in shown.out
    assert "`pid` must be a whole number of at least 1, found -1" in shown.err
    assert "`cohorts.running` must be there" in shown.err and "cut.json` cannot be read" in shown.err


def test_words_for_every_state() -> None:
    counts = {"queued": 1, "running": 2, "finished": 0, "failed": 1}
    launcher = {
        "host": "h",
        "pid": 5,
        "where": "2 processes",
        "command": [],
        "started_at": "2026-01-01T00:00:00.1",
        "elapsed_s": 60.0,
        "state": "training",
        "cancelled": True,
        "heard": True,
        "cohorts": counts,
        "runs": {**counts, "diverged": 0, "elsewhere": 3},
        "run_steps": {"done": 1, "total": 4},
        "run_steps_per_s": 2.0,
        "left_s": 1.5,
    }
    study_facts = {"study": "s", "command": None, "runs": None, "launchers": [launcher]}
    assert status_text({"running": True, "store": "runs", "studies": [study_facts]}).splitlines() == [
        "study s, store runs",
        "  stored    nothing yet: settings are tuned first",
        "  command   on h, process 5: ends, as it was cancelled",
        "            started 2026-01-01T00:00:00 UTC, 60 s ago; 2 processes",
        "    cohorts 1 queued, 2 running, 1 failed",
        "    runs    1 queued, 2 running, 1 failed, 3 trained by another command",
        "    speed   25 % of 4 run-steps, 2 run-steps/s, about 2 s left",
    ]


def test_completion_knows_both(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "demo.json").touch()
    for command in ("status", "cancel"):
        assert completions(f"mtlrun {command[:3]}") == [command]
        assert completions(f"mtlrun {command} {tmp_path} --study ") == ["demo"]
