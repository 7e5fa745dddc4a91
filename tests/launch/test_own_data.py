"""Suites of a user's own: what is wrong with their arrays comes before training; changed data are other runs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from support import own_suites
from support.commands import mtlrun, planned, reported, tiny
from support.own_suites import CHANGES, TASKS, write_files

from mtlrun.data.checks.fingerprints import data_digests
from mtlrun.store.store import Store
from mtlrun.store.weights import Weights
from mtlrun.trained.saved_run import saved_run
from mtlrun.trust import Trust

WRONG = "suite._target_=support.own_suites.Wrong"
SOUND = ("model=mlp", "budget.batch_size=5")

RULES = {
    "kind of task": ["`suite.offered: kind.kind` must be a kind of task, found 'classes'"],
    "outputs": [
        "`suite.offered: kind.outputs` must be 2 or more for a multiclass task, found 0",
        "`suite.offered: odd.outputs` must be 1 for a binary task, found 2",
    ],
    "metrics": [
        "`suite.offered: tags.metrics` must be a tuple of metrics",
        "`suite.offered: size.metrics` must be metrics of a regression task, found 'accuracy'",
    ],
    "source": ["`suite.offered: tags.source` must count the 1 source of whole() from 0, found 1"],
    "rows": ["`suite.whole: all.rows` must be a number of rows, 1 or more, for each of train, val, test"],
    "none": ["`suite.build: all` must be a mtlrun.data.task.Source, found 'dict'"],
    "name": ["`suite.build: all.name` must be the name that whole() gives this source, found 'rows'"],
    "inputs list": ["`suite.build: all.inputs` must be float32 (N, 2), a NumPy array, found 'list'"],
    "inputs shape": ["must be float32 (N, 2), as whole() says, found 'float32 (15, 1, 2)'"],
    "inputs dtype": ["`suite.build: all.inputs` must be float32 (N, 2), found 'int64 (15, 2)'"],
    "inputs bytes": ["must be float32 (N, 2), as `pixels` in whole() says, found 'uint8 (15, 2)'"],
    "inputs nan": ["`suite.build: all.inputs` must hold finite numbers, and does not in row 7, found 'nan'"],
    "inputs inf": ["must hold finite numbers, and does not in row 14, found '-inf'"],
    "flat": ["`suite.build: all.targets.size` must be float32 (15, 1), amounts, found 'float32 (15,)'"],
    "short": ["must be float32 (15, 1), amounts, found 'float32 (9, 1)'"],
    "missing": ["tags` must be float32 (15, 2), 0 or 1, and is missing; the source has targets of kind, odd, size"],
    "float classes": ["targets.kind` must be int64 (15,), classes from 0 to 2, found 'float32 (15,)'"],
    "whole labels": ["targets.tags` must be float32 (15, 2), 0 or 1, found 'int64 (15, 2)'"],
    "text": ["targets.kind` must be int64 (15,), classes from 0 to 2, found '<U1 (15,)'"],
    "list": ["targets.kind` must be int64 (15,), classes from 0 to 2, a NumPy array, found 'list'"],
    "class 3": ["classes from 0 to 2, and is not in row 2, found '3'"],
    "class -1": ["and is not in row 12; `partial=True` allows missing ones, found '-1'"],
    "label 2": ["float32 (15, 1), 0 or 1 (NaN where it is missing), and is not in row 5, found '2.0'"],
    "nan": ["targets.size` must be float32 (15, 1), amounts, and is not in row 9; `partial=True`"],
    "too large": ["targets.size` must be float32 (15, 1), amounts, and is not in 15 rows, the first of them row 0"],
    "no part": ["`suite.build: all.splits` must be a dict with train, val and test, found ['train', 'test']"],
    "mask": ["splits.val` must be int64 row numbers (5,), from 0 to 14, as many as the source is asked for"],
    "more rows": ["as many as the source is asked for, found 'int64 (6,)'"],
    "outside": ["splits.test` must be int64 row numbers (5,), from 0 to 14; 1 are outside, found 15"],
    "negative": ["from 0 to 14; 1 are outside, found -1"],
    "overlap": [
        "splits.test` must have no row of splits.train, and shares 1, found [4]",
        "splits.test` must have no row of splits.val, and shares 1, found [9]",
    ],
    "deviation": ["units.size` must be a mean and a deviation above 0, arrays of 1 finite numbers each, found"],
    "scaling": ["scaling` must be a mean and a deviation above 0, arrays of 2 finite numbers each, found"],
    "two": ["targets.kind` must be int64 (15,)", "targets.size` must be float32 (15, 1)"],
}  # fmt: skip


def test_every_fault_has_its_message():
    assert {*CHANGES, *TASKS, "rows"} == set(RULES)


@pytest.mark.sample(3)
@pytest.mark.parametrize("wrong", RULES)
def test_what_is_wrong_comes_before_training_in_one_message(tmp_path, wrong):
    refused = mtlrun("run", *tiny(tmp_path / "runs", WRONG, f"+suite.wrong='{wrong}'", *SOUND))
    assert (refused.code, refused.out) == (2, "")
    assert "Traceback" not in refused.err
    assert refused.err.startswith("mtlrun: bad config")
    for rule in RULES[wrong]:
        assert rule in refused.err
    several = len(RULES[wrong])
    assert refused.err.count("`suite.") >= several and refused.err.count("\n") == (
        several + 1 if several > 1 else 1
    )
    assert not Store(tmp_path / "runs").studies()


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ("build raises", "KeyError: 'absent' (own_suites.py, line {line}, in build)"),
        ("build raises its own", "Strange: two (own_suites.py, line {line}, in build)"),
        ("whole raises", "LookupError: no such folder (own_suites.py, line {line}, in whole)"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_what_its_code_raises_is_told_with_class_and_line(tmp_path, wrong, rule, command):
    code = Path(own_suites.__file__).read_text().splitlines()
    line = next(k for k, text in enumerate(code, 1) if f'self.wrong == "{wrong}"' in text) + 1
    refused = mtlrun(command, *tiny(tmp_path / "runs", WRONG, f"+suite.wrong='{wrong}'", *SOUND))
    assert (refused.code, refused.out) == (2, "")
    told = f"`suite` fails in support.own_suites.Wrong: {rule.format(line=line)}"
    assert refused.err == f"mtlrun: bad config: {told}\n"


def test_a_sound_suite_is_trained(tmp_path):
    done = mtlrun("run", *tiny(tmp_path / "runs", WRONG, *SOUND))
    assert done.code == 0, done.err
    assert set(Store(tmp_path / "runs").runs()["status"]) == {"finished"}


def files(folder, *overrides, kind="Files"):
    own = (f"suite._target_=support.own_suites.{kind}", f"+suite.folder={folder}", "budget.batch_size=10")
    return tiny(folder / "runs", *own, *overrides)


def counts(*command):
    facts = planned(*command)
    return facts["runs_new"], facts["runs_reused"]


def test_changed_files_are_other_runs_and_the_same_ones_are_reused(tmp_path):
    write_files(tmp_path)
    command = files(tmp_path)
    assert mtlrun("run", *command).code == 0
    before = reported(tmp_path / "runs")["rows"]
    assert counts(*command) == (0, 9)
    assert counts(*files(tmp_path, "seeds=5")) == (
        6,
        9,
    )  # nor does the id depend on which seeds are asked for
    assert counts(*files(tmp_path, "seeds=[2]")) == (0, 3)
    np.save(tmp_path / "size.npy", -np.load(tmp_path / "size.npy"))
    assert counts(*command) == (6, 3)  # the baseline of the kind does not read sizes
    assert mtlrun("run", *command).code == 0
    assert reported(tmp_path / "runs")["rows"] != before
    write_files(tmp_path)
    assert counts(*command) == (0, 9)  # as it was
    write_files(tmp_path, rows=61)
    assert counts(*command) == (9, 0)


def test_a_table_says_nothing_of_digests_and_baselines_share_a_cohort(tmp_path):
    write_files(tmp_path)
    assert mtlrun("sweep", *files(tmp_path, "suite.train_size=20,40")).code == 0
    rows = reported(tmp_path / "runs")["rows"]
    assert {tuple(row["hyper"]) for row in rows} == {("suite.train_size",)}
    (tmp_path / "same").mkdir()
    write_files(tmp_path / "same")
    alone = files(tmp_path / "same", "suite.tasks=[kind]", "seeds=2")
    assert planned(*alone)["cohorts"] == 1  # the cell of one task is its own baseline


def test_seeds_are_built_as_little_as_needed(tmp_path):
    write_files(tmp_path)
    own_suites.LOADED.clear()
    planned(*files(tmp_path, "seeds=30"))
    assert sorted(own_suites.LOADED) == [0, 1]
    own_suites.LOADED.clear()
    assert mtlrun("run", *files(tmp_path, "seeds=[7]")).code == 0
    assert own_suites.LOADED.count(1) == 1  # also where a command plans twice, before tuning and after


def test_a_suite_may_tell_its_data_itself(tmp_path):
    write_files(tmp_path)
    (tmp_path / "version.txt").write_text("1")
    command = files(tmp_path, "seeds=[3,4]", kind="Told")
    assert mtlrun("run", *command).code == 0
    write_files(tmp_path, seed=1)
    assert counts(*command) == (0, 6)
    (tmp_path / "version.txt").write_text("2")
    assert counts(*command) == (6, 0)
    own_suites.LOADED.clear()
    planned(*command)
    assert own_suites.LOADED == [3]  # its arrays are looked at all the same
    (tmp_path / "version.txt").unlink()
    refused = mtlrun("plan", *command)
    assert refused.code == 2 and "in fingerprint)" in refused.err


def test_a_mapped_file_is_hashed_once_as_long_as_it_stays(tmp_path):
    write_files(tmp_path)
    node = {"_target_": "support.own_suites.Files", "folder": str(tmp_path), "mapped": True}
    plain = data_digests({**node, "mapped": False}, 0)
    assert data_digests(node, 0) == plain  # how it is read does not count
    inputs = np.load(tmp_path / "x.npy")
    inputs[0, 0] += 1
    with open(tmp_path / "x.npy", "r+b") as file:  # in place, as the mapping has it
        file.seek(128)
        file.write(inputs.tobytes())
    os.utime(tmp_path / "x.npy", ns=(1, 1))  # a clock may be coarse
    assert data_digests(node, 0) == data_digests({**node, "mapped": False}, 0) != plain


def test_suites_of_ours_are_not_loaded(monkeypatch):
    monkeypatch.setattr("mtlrun.data.digits_parity.DigitsParity.build", None)
    assert data_digests({"_target_": "mtlrun.data.digits_parity.DigitsParity"}, 0) == {}


def test_a_run_whose_data_have_changed_is_refused_and_the_gate_tells_them(tmp_path):
    write_files(tmp_path)
    store = ("--store", str(tmp_path / "runs"), "--trust", "support")
    assert mtlrun("run", *files(tmp_path, "save=best", "seeds=2")).code == 0
    assert mtlrun("lock", str(tmp_path / "runs"), "-o", str(tmp_path / "lock")).code == 0
    run = next(iter(Weights(tmp_path / "runs").names()))
    assert saved_run(Store(tmp_path / "runs"), run, None, Trust(["support"])).run_id == run
    np.save(tmp_path / "x.npy", np.load(tmp_path / "x.npy") + 1)
    refused = mtlrun("predict", run, str(tmp_path / "x.npy"), *store)
    assert (refused.code, refused.out) == (2, "")
    assert "are not those that run" in refused.err and refused.err.count("\n") == 1
    again = mtlrun("check", str(tmp_path / "lock"), "--rerun", "--format", "json", *store)
    assert "data of kind" in again.out and "baseline: data of size" in again.out
    assert Store(tmp_path / "runs").runs()["status"].eq("finished").sum() == 12
