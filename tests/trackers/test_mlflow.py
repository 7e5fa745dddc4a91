"""Studies on a real MLflow server."""

from __future__ import annotations

import json
import math

import pytest
from support.commands import mtlrun
from support.mlflow_server import PYTHON, mlflow_server
from support.tracked import copy_of, study_in

pytest.importorskip("mlflow")

from mtlrun.errors import MtlrunError
from mtlrun.trackers.content import Point, TrackedStudy
from mtlrun.trackers.mlflow import DIGEST, MOST_KEY, RUN, MLflow, _allowed_names

needs_server = pytest.mark.skipif(not PYTHON.exists(), reason="no server: `make mlflow-server` installs it")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
            patch.setenv(name, "30" if name.endswith("TIMEOUT") else "1")
        with mlflow_server(tmp_path_factory.mktemp("mlflow")) as address:
            yield address


@pytest.fixture(scope="module")
def written(server, trained, tmp_path_factory):
    """A store whose study a command has written to the experiment `commands`."""
    store = copy_of(trained.store, tmp_path_factory.mktemp("copy") / "store")
    command = [text for text in trained.overrides if not text.startswith("store=")]
    options = (f"tracker_options.mlflow.uri={server}", "tracker_options.mlflow.experiment=commands")
    command = ["run", *command, f"store={store}", "tracker=mlflow", *options]
    return store, command, mtlrun(*command)


def client_of(server):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=server)


def runs_of(server, experiment):
    client = client_of(server)
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    own = {run.data.tags[RUN]: run for run in found if RUN in run.data.tags}
    (parent,) = [run for run in found if RUN not in run.data.tags]
    assert len(own) == len(found) - 1
    return parent, own


def artifact(server, run, name):
    from pathlib import Path

    return Path(client_of(server).download_artifacts(run.info.run_id, name)).read_bytes()


@needs_server
def test_each_run_has_its_settings_curves_and_status(server, written):
    store, _, done = written
    assert done.code == 0
    assert f"mlflow: wrote 12 runs: {server}, experiment commands" in done.err.splitlines()
    study = study_in(store)
    parent, own = runs_of(server, "commands")
    assert set(own) == set(study.statuses)
    for run in study.read(study.statuses):
        found = own[run.run_id]
        assert found.info.status == "FINISHED" and found.info.run_name == run.name
        assert found.data.params == {**run.settings, "seed": str(run.seed)}
        assert found.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert found.data.tags["mtlrun.role"] == run.about.role
        last = {p.name: p.value for p in run.points}
        assert {k: v for k, v in found.data.metrics.items() if not k.startswith("cost/")} == pytest.approx(
            last
        )
    run = next(r for r in study.read(study.statuses) if r.name == "digits_parity hard pcgrad seed=1")
    history = client_of(server).get_metric_history(own[run.run_id].info.run_id, "val/digit/accuracy")
    assert [(m.step, m.value) for m in history] == [
        (p.step, p.value) for p in run.points if p.name == "val/digit/accuracy"
    ]


@needs_server
def test_the_study_has_its_report_and_tables(server, written):
    study, (parent, _) = study_in(written[0]), runs_of(server, "commands")
    assert parent.info.status == "FINISHED" and parent.info.run_name == "study main"
    assert parent.data.metrics == pytest.approx(study.measures())
    assert parent.data.tags["mlflow.note.content"] == study.text()
    assert json.loads(artifact(server, parent, "report.json"))["contrasts"]
    for name, content in study.files.items():
        assert artifact(server, parent, name) == content


@needs_server
def test_the_same_command_again_doubles_nothing(server, written):
    _, command, _ = written
    parent, own = runs_of(server, "commands")
    done = mtlrun(*command)
    assert f"mlflow: wrote 0 runs, 12 known: {server}, experiment commands" in done.err.splitlines()
    again, own_again = runs_of(server, "commands")
    assert again.info.run_id == parent.info.run_id
    assert {k: run.info.run_id for k, run in own_again.items()} == {
        k: run.info.run_id for k, run in own.items()
    }
    client = client_of(server)
    for run in (again, next(iter(own.values()))):
        for name in run.data.metrics:
            history = client.get_metric_history(run.info.run_id, name)
            assert len(history) == len({m.step for m in history})


@needs_server
def test_more_seeds_add_their_runs_and_another_report(server, written):
    store, command, _ = written
    parent, own = runs_of(server, "commands")
    done = mtlrun(*(text.replace("seeds=3", "seeds=4") for text in command))
    assert f"mlflow: wrote 4 runs, 12 known: {server}, experiment commands" in done.err.splitlines()
    more, own_more = runs_of(server, "commands")
    assert set(own) < set(own_more) and len(own_more) == 16
    assert more.info.run_id == parent.info.run_id and more.data.tags[DIGEST] != parent.data.tags[DIGEST]
    assert len(json.loads(artifact(server, more, "report.json"))["rows"]) == 4
    assert artifact(server, more, "rows.csv") == study_in(store).files["rows.csv"]
    name = next(iter(more.data.metrics))
    assert [m.step for m in client_of(server).get_metric_history(more.info.run_id, name)] == [12, 16]


@needs_server
def test_what_was_half_written_or_had_failed_is_written_anew(server, trained):
    tracker, study = MLflow(uri=server, experiment="cut off"), study_in(trained.store)
    answers = 0

    def stop():
        nonlocal answers
        answers += 1
        if answers == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tracker.write(study, stop)
    _, own = runs_of(server, "cut off")
    first, second, *_ = own
    client = client_of(server)
    client.update_run(own[first].info.run_id, status="RUNNING")
    client.set_tag(own[second].info.run_id, "mtlrun.status", "failed")
    written = tracker.write(study, lambda: None)
    assert (written.new, written.known) == (12 - len(own) + 2, len(own) - 2)
    parent, again = runs_of(server, "cut off")
    assert {run.info.status for run in again.values()} == {"FINISHED"} and len(again) == 12
    assert again[first].info.run_id != own[first].info.run_id
    assert parent.info.status == "FINISHED"


@needs_server
def test_failed_and_diverged_runs_are_failed_ones_with_what_is_known(server, trained, monkeypatch):
    study = study_in(trained.store)
    read, names = TrackedStudy.read, list(study.statuses)
    study.statuses = dict.fromkeys(names[:2], "diverged") | {names[2]: "failed"}

    def ended(self, ids):
        from dataclasses import replace

        for run in read(self, ids):
            points = [point._replace(value=math.nan) for point in run.points]
            yield replace(run, status=self.statuses[run.run_id], error="out of memory", points=points)

    monkeypatch.setattr(TrackedStudy, "read", ended)
    MLflow(uri=server, experiment="failures").write(study, lambda: None)
    _, own = runs_of(server, "failures")
    assert {run.info.status for run in own.values()} == {"FAILED"}
    assert own[names[0]].data.tags["mtlrun.status"] == "diverged"
    assert own[names[2]].data.tags["mtlrun.error"] == "out of memory"
    assert all(math.isnan(v) for k, v in own[names[0]].data.metrics.items() if k.startswith("val/"))


@needs_server
def test_more_settings_and_points_than_one_request_takes(server, trained, monkeypatch):
    study = study_in(trained.store)
    read, (name, *_) = TrackedStudy.read, study.statuses
    study.statuses = {name: "finished"}

    def long(self, ids):
        from dataclasses import replace

        for run in read(self, ids):
            points = [Point(step, "val/digit/accuracy", float(step)) for step in range(2500)]
            yield replace(run, settings={f"suite.k{k}": "x" * k for k in range(250)}, points=points)

    monkeypatch.setattr(TrackedStudy, "read", long)
    MLflow(uri=server, experiment="long").write(study, lambda: None)
    _, own = runs_of(server, "long")
    assert len(own[name].data.params) == 250 + 1
    history = client_of(server).get_metric_history(own[name].info.run_id, "val/digit/accuracy")
    assert sorted((m.step, m.value) for m in history) == [(step, float(step)) for step in range(2500)]


@needs_server
def test_a_deleted_experiment_is_told(server, trained):
    client = client_of(server)
    client.delete_experiment(client.create_experiment("gone"))
    with pytest.raises(MtlrunError, match="experiment gone is deleted"):
        MLflow(uri=server, experiment="gone").write(study_in(trained.store), lambda: None)


def test_names_become_those_that_mlflow_takes_and_stay_apart():
    long = "x" * 300
    names = _allowed_names(["val/price €/rmse", "val/price $/rmse", "val/a b-c.d_e:1/f", long, f"{long}y"])
    assert names["val/price €/rmse"] == "val/price _/rmse"
    assert names["val/price $/rmse"] == "val/price _/rmse_2"
    assert names["val/a b-c.d_e:1/f"] == "val/a b-c.d_e:1/f"
    assert len(set(names.values())) == 5 and max(map(len, names.values())) == MOST_KEY
