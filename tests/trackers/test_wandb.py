"""Run folders of Weights & Biases, written offline."""

from __future__ import annotations

import json

import pytest
from support.tracked import study_in, wandb_records

pytest.importorskip("wandb")

from mtlrun.errors import MtlrunError
from mtlrun.trackers.process import write_trackers
from mtlrun.trackers.wandb import COMPLETE, WeightsAndBiases


def write(store, folder):
    """Write a store's study as commands do, from a process of its own."""
    told: list[str] = []
    node = {"_target_": "mtlrun.trackers.wandb.WeightsAndBiases", "folder": str(folder), "project": "p"}
    write_trackers({"wandb": node}, store, "main", told.append)
    return told


@pytest.fixture(scope="module")
def written(trained, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_MODE", raising=False)
        folder = tmp_path_factory.mktemp("wandb")
        return folder, write(trained.store, folder)


def records(folder, run_id):
    (path,) = folder.glob(f"wandb/offline-run-*-{run_id}-*/*.wandb")
    found = {}
    for record in wandb_records(path):
        found.setdefault(record.WhichOneof("record_type"), []).append(record)
    return found


def test_an_offline_folder_for_each_run_and_for_the_study(written, trained):
    folder, told = written
    assert told == [f"wandb: wrote 12 runs: {folder / 'wandb'}"]
    assert len(list(folder.glob("wandb/offline-run-*"))) == 12 + 1
    assert not list(folder.glob("wandb/run-*"))


def test_a_run_has_its_settings_its_curves_and_its_status(written, trained):
    study = study_in(trained.store)
    run = next(r for r in study.read(study.statuses) if r.name == "digits_parity hard pcgrad seed=1")
    found = records(written[0], run.run_id)
    about = found["run"][0].run
    assert (about.display_name, about.run_group, about.job_type) == (run.name, "main", "multi-task")
    assert about.project == "p"
    config = {update.key: json.loads(update.value_json) for update in about.config.update}
    assert config["run_id"] == run.run_id and config["seed"] == 1 and config["weighting"] == "pcgrad"
    values = {}
    for record in found["history"]:
        items = {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item}
        values |= {(k, items["_step"]): v for k, v in items.items() if not k.startswith("_")}
    assert values == pytest.approx({(p.name, p.step): p.value for p in run.points})
    assert found["exit"][-1].exit.exit_code == 0
    summary = {
        u.key or "/".join(u.nested_key): json.loads(u.value_json)
        for record in found["summary"]
        for u in record.summary.update
    }
    assert summary["status"] == "finished" and summary["cost/steps"] == 20


def test_the_study_has_its_tables_and_its_report(written, trained):
    study = study_in(trained.store)
    (files,) = written[0].glob("wandb/offline-run-*-study-*/files")
    assert (files / "report.html").read_bytes() == study.files["report.html"]
    assert (files / "report.json").read_bytes() == study.files["report.json"]
    (table,) = (files / "media/table").glob("rows_*.json")
    page = json.loads(table.read_text())
    verdict = page["columns"].index("verdict")
    assert [row[verdict] for row in page["data"]] == list(study.summary.rows["verdict"])
    assert len(list((files / "media/table").glob("contrasts_*.json"))) == 1


def test_writing_again_adds_nothing(written, trained):
    folder, _ = written
    before = sorted(path.name for path in folder.glob("wandb/*"))
    assert write(trained.store, folder) == [f"wandb: wrote 0 runs, 12 known: {folder / 'wandb'}"]
    assert sorted(path.name for path in folder.glob("wandb/*")) == before
    assert len(list(folder.glob(f"wandb/offline-run-*/{COMPLETE}"))) == 13


def test_what_is_cut_off_is_written_anew(written, trained):
    folder, _ = written
    marks = sorted(folder.glob(f"wandb/offline-run-*/{COMPLETE}"))
    marks[0].unlink()
    try:
        assert write(trained.store, folder) == [f"wandb: wrote 1 run, 11 known: {folder / 'wandb'}"]
    finally:
        marks[0].write_text("finished")


def test_the_environment_may_disable_it(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with pytest.raises(MtlrunError, match="WANDB_MODE is disabled"):
        WeightsAndBiases(folder=str(tmp_path)).write(study_in(trained.store), lambda: None)
    assert not list(tmp_path.iterdir())
