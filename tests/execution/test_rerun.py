"""`mtlrun check --rerun`: the lock's own configs trained again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.commands import Result, mtlrun, segments, tiny
from support.jobs import make_job

from mtlrun.execution.rerun import locked_study, machine_faults, whole_splits
from mtlrun.gate.lockfile import read_lock
from mtlrun.prepare.checks import prepare
from mtlrun.store.store import Store


@pytest.fixture(scope="module")
def path(trained, tmp_path_factory) -> Path:
    """The lock of the tiny study, of three seeds."""
    found = tmp_path_factory.mktemp("lock") / "lock.json"
    assert mtlrun("lock", str(trained.store), "-o", str(found)).code == 0
    return found


def rerun(path: Path, store: Path, *arguments: str) -> Result:
    return mtlrun("check", str(path), "--store", str(store), "--rerun", "launch.processes=1", *arguments)


def edited(path: Path, folder: Path, edit: Any) -> Path:
    page = json.loads(path.read_text())
    edit(page)
    other = folder / "edited.json"
    other.write_text(json.dumps(page))
    return other


def test_the_lock_alone_names_the_runs_that_it_was_made_of(trained, path):
    locked = read_lock(path)
    study = locked_study(
        locked, prepare([make_job()]), "again", {cell["cell_id"]: 3 for cell in locked["cells"]}
    )
    assert set(study.runs) == set(Store(trained.store).statuses())
    assert [cell.cell_id for cell in study.cells] == [cell["cell_id"] for cell in locked["cells"]]


def test_a_lock_with_one_ratio_for_all_tasks_gets_that_of_each_task(path, tmp_path):
    def of_before(page: dict[str, Any]) -> None:
        for cell in page["cells"]:
            cell["resplit"] = {"n_train": 4, "n_test": 1}
            for config in (cell["config"], *cell["baselines"].values()):
                config["suite"]["resplit"] = True

    locked = read_lock(edited(path, tmp_path, of_before))
    study = locked_study(
        locked, prepare([make_job()]), "again", {cell["cell_id"]: 3 for cell in locked["cells"]}
    )
    sizes = {"n_train": 897, "n_test": 600}
    for cell in study.cells:
        assert cell.resplit == {"splits": None, "tasks": {task["name"]: sizes for task in cell.tasks}}


@pytest.mark.parametrize(("number", "splits", "whole"), ((6, 1, 6), (6, 5, 10), (10, 5, 10), (1, 3, 3)))
def test_seeds_to_begin_with_are_as_many_of_each_split(number, splits, whole):
    assert whole_splits(number, splits) == whole


def test_an_empty_store_is_filled_and_passes(trained, path, tmp_path):
    found = rerun(path, tmp_path, "--format", "json")
    assert found.code == 0
    assert "training 12 runs" in found.err
    assert {row["outcome"] for row in json.loads(found.out)["rows"]} == {"pass"}
    assert Store(tmp_path).studies() == ["main-rerun"]
    before = segments(tmp_path)
    again = rerun(path, tmp_path, "--format", "json")
    assert (again.code, again.out, again.err) == (0, found.out, "")
    assert segments(tmp_path) == before
    assert set(Store(tmp_path).statuses()) == set(Store(trained.store).statuses())


def test_a_lock_that_promises_more_is_regressed(path, tmp_path):
    def promise(page: dict[str, Any]) -> None:
        page["rows"][0]["gains"] = [gain + 0.5 for gain in page["rows"][0]["gains"]]

    note = tmp_path / "note.xml"
    found = rerun(edited(path, tmp_path, promise), tmp_path / "store", "-o", str(note))
    assert found.code == 1
    assert "1 regressed" in found.out
    assert ElementTree.parse(note).getroot().get("failures") == "1"


def test_seeds_are_added_while_undecided_and_no_further_than_allowed(path, tmp_path):
    """One seed decides nothing; all three are the lock's, and nothing changed in any."""
    undecided = rerun(path, tmp_path, "--seeds", "1")
    assert (undecided.code, undecided.err.count("training")) == (3, 1)
    two = rerun(path, tmp_path, "--seeds", "1", "--add-seeds", "1")
    assert (two.code, two.err.count("training 4 runs")) == (3, 1)
    three = rerun(path, tmp_path, "--seeds", "1", "--add-seeds", "9", "--format", "json")
    page = json.loads(three.out)
    assert (three.code, page["looks"], page["rows"][0]["n_seeds"]) == (0, 2, 3)


def test_step_summaries_are_appended(path, trained, tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    command = ("check", str(path), "--store", str(trained.store), "--github-summary")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    refused = mtlrun(*command)
    assert (refused.code, refused.out) == (2, "")
    assert "GITHUB_STEP_SUMMARY" in refused.err
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert mtlrun(*command).code == 0
    assert summary.read_text().startswith("before\n## mtlrun check: main passed\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["seeds=3"], "`seeds` cannot be set here"),
        (["optimizer.lr=1"], "`optimizer.lr` cannot be set here"),
        (["launch.compile=sometimes"], "launch.compile"),
        (["launch.compile=always,never"], "takes no sweep"),
        (["--seeds", "0"], "`--seeds` must be at least 1"),
        (["--add-seeds", "-1"], "`--add-seeds` must not be negative"),
    ],
)
def test_bad_requests_are_refused(arguments, told, path, tmp_path):
    found = rerun(path, tmp_path / "store", *arguments)
    assert (found.code, found.out) == (2, "")
    assert told in found.err
    assert not (tmp_path / "store").exists()


def test_settings_of_a_rerun_without_one_are_refused(path, trained):
    for extra in (["--seeds", "3"], ["launch.width=2"], ["--add-seeds", "2"]):
        found = mtlrun("check", str(path), "--store", str(trained.store), *extra)
        assert found.code == 2
        assert "go with `--rerun`" in found.err


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda p: p.pop("cells"), "holds no configs"),
        (lambda p: p["cells"][0]["baselines"].pop("digit"), "no baseline of task `digit`"),
        (lambda p: p["cells"][0]["config"]["optimizer"].update(rate=1), "optimizer.rate"),
        (lambda p: p["cells"][1]["config"]["model"].update(_target_="mtlrun.models.mlp.B"), "model._target_"),
        (lambda p: p["cells"][1]["config"].pop("budget"), "`budget` must be in every config"),
    ],
)
def test_configs_that_cannot_be_trained_are_refused(edit, told, path, tmp_path):
    found = rerun(edited(path, tmp_path, edit), tmp_path / "store")
    assert (found.code, found.out) == (2, "")
    assert told in found.err


def test_machine_settings_are_the_only_ones():
    assert machine_faults(["device=cpu", "launch.width=2", "launch=local", "checkpoint.every_s=60"]) == []
    assert [fault.key for fault in machine_faults(["launcher=x", "store=a"])] == ["launcher", "store"]


def test_tuned_baselines_are_trained_as_they_were(tmp_path):
    """Tuning may give a baseline another setting than its cell; the lock keeps both."""
    overrides = tiny(tmp_path / "store", "tune.optimizer.lr=[0.0001,0.01]", "tune.seeds=2")
    assert mtlrun("run", *overrides).code == 0
    path = tmp_path / "lock.json"
    mtlrun("lock", str(tmp_path / "store"), "-o", str(path))
    assert rerun(path, tmp_path / "store").err == ""  # every run is stored already
