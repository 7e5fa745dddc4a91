"""What trackers write of a study."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from support.commands import reported
from support.tracked import study_in

from mtlrun.trackers.content import runs_of


@pytest.fixture(scope="module")
def study(trained):
    return study_in(trained.store)


def test_every_run_of_the_study_baselines_included(study, trained):
    runs = {run.run_id: run for run in study.read(study.statuses)}
    assert set(runs) == set(study.runs) == set(study.statuses)
    roles = [run.about.role for run in runs.values()]
    assert roles.count("multi-task") == 6 and roles.count("single-task") == 6
    names = {run.name for run in runs.values()}
    assert len(names) == 12
    assert {
        "digits_parity hard pcgrad seed=1",
        "digits_parity hard none seed=0",
        "digits_parity single-task parity seed=2",
    } <= names


def test_curves_and_settings_are_those_of_the_store(study):
    run = next(r for r in study.read(study.statuses) if r.name == "digits_parity hard pcgrad seed=1")
    curves = study.store.curves([run.run_id])
    assert len(run.points) == len(curves) == 24
    one = curves[(curves["split"] == "val") & (curves["task"] == "digit") & (curves["metric"] == "accuracy")]
    assert [(p.step, p.value) for p in run.points if p.name == "val/digit/accuracy"] == [
        (10, one["value"].iloc[0]),
        (20, one["value"].iloc[1]),
    ]
    assert [p.step for p in run.points] == sorted(p.step for p in run.points)
    assert run.settings["weighting"] == "pcgrad" and run.settings["model"] == "mlp"
    assert run.settings["model.width"] == "16" and run.settings["optimizer.lr"] == "0.001"
    assert "seed" not in run.settings and run.seed == 1
    assert not any("_target_" in key for key in run.settings)
    assert run.cost["steps"] == 20 and run.made_with["mtlrun"]


def test_runs_that_a_tracker_lacks_or_has_with_another_status(study):
    first, second, *rest = study.statuses
    has = {**study.statuses, first: "failed"}
    assert study.lacking({}) == list(study.statuses)
    assert study.lacking(study.statuses) == []
    assert study.lacking(has) == [first]
    del has[second]
    assert study.lacking(has) == [first, second]
    assert len(rest) == 10


def test_controls_and_shared_baselines_are_told_once():
    labels = {"suite": "s", "sharing": "hard", "mitigation": "none"}
    cell = {"labels": labels, "hyper": {"optimizer.lr": 0.1}, "runs": ["m"], "baselines": {"t": ["b"]}}
    other = {**cell, "runs": ["n"], "controls": {"capacity": {"t": ["c", "b"]}}}
    found = runs_of([cell, other])
    assert {run_id: about.role for run_id, about in found.items()} == {
        "m": "multi-task",
        "n": "multi-task",
        "b": "single-task",
        "c": "control",
    }
    assert found["b"].labels == {"suite": "s", "task": "t"}
    assert found["c"].labels["control"] == "capacity"
    assert found["m"].hyper == {"optimizer.lr": 0.1} and found["b"].hyper == {}


def test_the_report_has_its_page_its_data_and_its_tables(study, trained):
    files = study.files
    assert set(files) == {
        *("report.html", "report.json"),
        *("rows.csv", "contrasts.csv", "suites.csv", "runs.csv"),
    }
    assert json.loads(files["report.json"])["rows"] == reported(trained.store)["rows"]
    assert b"<html" in files["report.html"]
    rows = study.table("rows")
    assert [row["verdict"] for row in rows] == list(study.summary.rows["verdict"])
    assert not any(isinstance(value, dict | list) for row in rows for value in row.values())


def test_gains_by_name(study):
    measures = study.measures()
    row = study.summary.rows.iloc[0]
    name = f"gain_pct/digits_parity/{row['task']}/hard/{row['mitigation']}"
    assert measures[name] == row["gain_pct"]
    assert len(measures) == 4 + 2
    assert not any(pd.isna(value) for value in measures.values())
