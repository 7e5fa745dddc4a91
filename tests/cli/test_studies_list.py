"""`mtlrun report` lists studies on a terminal where a store has several, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.cli import main
from mtlrun.cli.reading import picture_hint
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store with two studies of three runs, one of which is stored and one failed."""
    found = Store(tmp_path / "my store")
    for name in ("first", "second"):
        study = SyntheticStudy(name)
        study.add({"a": [0.9]}, {"a": [0.8]}, suite=f"suite_{name}")
        study.add(
            {"a": [0.9]}, {"a": [0.8]}, suite=f"suite_{name}", mitigation="pcgrad", status={0: "missing"}
        )
        found.write_study(study.manifest())
        runs = list(study.runs()["run_id"])
        found.append([_record(runs[0], "finished"), _record(runs[1], "failed")])
    return found


def _record(run_id: str, status: str) -> RunRecord:
    curves: dict[str, list[Any]] = {name: [] for name in ("task", "split", "metric", "step", "value")}
    if status == "finished":
        for split in ("val", "test"):
            for name, value in {
                "task": "a",
                "split": split,
                "metric": "accuracy",
                "step": 100,
                "value": 0.8,
            }.items():
                curves[name].append(value)
    return RunRecord(
        run_id=run_id,
        seed=0,
        config={},
        status=status,
        error="broke" if status == "failed" else None,
        device="cpu",
        versions={},
        cost={},
        diagnostics={},
        curves=curves,
        finished_at="2026-01-01T00:00:00+00:00",
    )


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)


def test_a_terminal_gets_the_list_the_last_study_first(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_terminal(monkeypatch)
    assert main(["report", str(store.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "study",
        "written",
        "suites",
        "cells",
        "runs",
        "finished",
        "failed",
        "missing",
    ]
    assert [line.split()[0] for line in lines[1:3]] == ["second", "first"]
    assert lines[1].split()[3:] == ["1", "2", "3", "1", "1", "1"]
    assert f"mtlrun report '{store.path}' --study second" in lines[4]


@pytest.mark.parametrize(
    "more", [["--study", "first"], ["--format", "json"], ["--level", "runs"], ["--sort", "gain"]]
)
def test_whoever_says_what_is_wanted_gets_a_report(
    store: Store, more: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    main(["report", str(store.path), *more])
    out = capsys.readouterr().out
    assert "written" not in out
    assert f"suite_{'first' if 'first' in more else 'second'}" in out


def test_a_script_gets_the_report_of_the_study_written_last(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["report", str(store.path)])
    assert "suite_second" in capsys.readouterr().out


def test_one_study_is_reported_and_a_damaged_one_is_told_of(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_terminal(monkeypatch)
    (store.path / "studies" / "first.json").write_text("{")
    assert main(["report", str(store.path)]) == 0
    out = capsys.readouterr().out
    assert "first.json` cannot be read" in out
    assert "second" in out
    (store.path / "studies" / "first.json").unlink()
    main(["report", str(store.path)])
    assert "suite_second" in capsys.readouterr().out


def test_the_end_of_a_study_names_the_commands_that_draw_it() -> None:
    assert picture_hint("runs", "main").startswith("picture: mtlrun report --study main -o gains.svg; ")
    assert "mtlrun report 'my runs' --study x -o" in picture_hint("my runs", "x")
