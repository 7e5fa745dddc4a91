"""Choosing trackers: faults are told before anything is trained, and run ids do not change."""

from __future__ import annotations

import pytest
from support.commands import mtlrun, planned, tiny

from mtlrun.trackers.checks import chosen, tracker_faults

NODE = {"_target_": "support.own_trackers.Noting"}
MISSING = {"_target_": "support.own_trackers.Missing"}


def told(tracker, **options):
    return [str(fault) for fault in tracker_faults({"tracker": tracker, "tracker_options": options})]


def test_none_one_and_several_are_chosen():
    options = {"a": NODE, "b": {**NODE, "path": "x"}}
    assert chosen({"tracker": None, "tracker_options": options}) == {}
    assert chosen({"tracker": "b", "tracker_options": options}) == {"b": options["b"]}
    assert list(chosen({"tracker": ["b", "a"], "tracker_options": options})) == ["b", "a"]
    assert chosen({}) == {}
    assert told(None, a=NODE) == told("a", a=NODE) == told(["a"], a=NODE) == []


def test_a_package_may_be_missing_only_of_a_tracker_that_is_not_chosen():
    assert told("a", a=NODE, b=MISSING) == []
    assert told(["a", "b"], a=NODE, b=MISSING) == [
        "`tracker` needs the package no_such_package: pip install 'mtlrun[missing]'"
    ]


@pytest.mark.parametrize(
    ("tracker", "message"),
    [
        ("c", "`tracker` must be a tracker, found 'c' (choices: a)"),
        (["a", "a"], "`tracker` must list each tracker once, found ['a', 'a']"),
        ({"a": 1}, "`tracker` must be null, a tracker, or a list of trackers, found {'a': 1} (choices: a)"),
        (3, "`tracker` must be null, a tracker, or a list of trackers, found 3 (choices: a)"),
    ],
)
def test_faults_of_the_choice(tracker, message):
    assert told(tracker, a=NODE) == [message]


def test_settings_are_checked_also_of_trackers_that_are_not_chosen():
    assert told(None, a={**NODE, "path": 3}) == ["`tracker_options.a.path` must be text, found 3"]
    assert told(None, a={**NODE, "pth": ""})[0].startswith("`tracker_options.a.pth` is not a setting")
    assert told("a", a={**NODE, "timeout_s": 0}) == [
        "`tracker_options.a.timeout_s` must be positive, found 0.0"
    ]
    assert (
        "must name a class derived from mtlrun.trackers.base.Tracker"
        in told(None, a={"_target_": "mtlrun.schedule.joint.Joint"})[0]
    )


def test_a_folder_that_a_tracker_writes_is_not_taken_for_its_package(tmp_path, monkeypatch):
    (tmp_path / "no_such_package").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert told("b", b=MISSING) != []


def test_a_command_with_a_tracker_that_is_not_installed_trains_nothing(tmp_path):
    options = "tracker_options.mine._target_=support.own_trackers.Missing"
    done = mtlrun("run", *tiny(tmp_path / "store", "tracker=mine", options))
    assert done.code == 2
    assert done.err == (
        "mtlrun: bad config: `tracker` needs the package no_such_package: pip install 'mtlrun[missing]'\n"
    )
    assert not (tmp_path / "store").exists()


def test_trackers_cannot_be_swept(tmp_path):
    done = mtlrun("run", *tiny(tmp_path / "store", "tracker=null,[]"))
    assert done.code == 2
    assert "several trackers are a list, as tracker=[mlflow,tensorboard]" in done.err


def test_an_address_is_needed_for_mlflow(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    node = {"_target_": "mtlrun.trackers.mlflow.MLflow"}
    assert told("m", m=node) == [
        "`tracker_options.m.uri` must be the address of a server, as http://127.0.0.1:5000, or "
        "MLFLOW_TRACKING_URI must be set"
    ]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert told("m", m=node) == []


def test_trackers_are_no_part_of_run_ids(trained):
    options = "tracker_options.mine._target_=support.own_trackers.Noting"
    assert planned(*trained.overrides, "tracker=mine", options)["runs_new"] == 0


def test_a_name_that_is_no_tracker_is_told_with_those_that_are(tmp_path):
    done = mtlrun("run", *tiny(tmp_path / "store", "tracker_options.mlfow.uri=http://127.0.0.1:5000"))
    assert done.code == 2
    assert "`tracker_options.mlfow` must be a tracker, or name its class by `_target_`" in done.err
    assert "did you mean mlflow?" in done.err
    done = mtlrun("run", *tiny(tmp_path / "store", "tracker_options.mlflow.url=http://127.0.0.1:5000"))
    assert done.code == 2
    assert "`tracker_options.mlflow.url` is not a setting of this option" in done.err
    assert "did you mean uri?" in done.err
