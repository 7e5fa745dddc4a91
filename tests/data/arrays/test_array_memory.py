"""Arrays in memory: what the class takes, what its file holds, and how it names the suite."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.jobs import make_job

from mtlrun.config import build, check_node
from mtlrun.data.arrays.memory import ArraySuite
from mtlrun.data.suite import Suite
from mtlrun.errors import ConfigError, DataError
from mtlrun.planning.study import plan_study
from mtlrun.prepare.checks import prepare

ROWS = 100


def inputs():
    return np.random.default_rng(0).normal(size=(ROWS, 3))


def targets():
    x = inputs()
    return {"a": x[:, 0] + x[:, 1], "b": (x[:, 2] > 0).astype(int)}


def faults_of(*given, **settings):
    with pytest.raises(ConfigError) as refused:
        ArraySuite(*given, **settings)
    return {fault.key: str(fault) for fault in refused.value.faults}


def test_a_node_is_plain_data_that_builds_the_suite(tmp_path):
    suite = ArraySuite(
        inputs(),
        targets(),
        kinds={"b": "multiclass"},
        name="mine",
        train_size=np.int64(40),
        label_noise={"a": np.float64(0.5)},
        metrics={"a": ("mae",)},
        primary="a",
        resplit=True,
    )
    node = suite.save(tmp_path)
    assert json.loads(json.dumps(node)) == node
    assert not check_node("suite", node, Suite)
    assert Path(node["path"]) == tmp_path / f"arrays-{suite.content.digest}.npz"
    built = build(node)
    assert (built.name, built.train_size, built.primary, built.resplit) == ("mine", 40, "a", True)
    assert [t.kind for t in built.info().tasks] == ["regression", "multiclass"]
    assert built.info().tasks[0].metrics[0] == "mae" and built.info().sources[0].rows["train"] == 40
    assert repr(suite) == "ArraySuite(mine: 100 rows of (3,), tasks a, b)"
    with np.load(node["path"], allow_pickle=False) as file:
        assert set(file.files) == {"inputs", "one_hot", "a", "b"}


def test_a_file_is_written_once_and_again_where_it_is_damaged(tmp_path):
    suite = ArraySuite(
        inputs(), targets(), groups=np.arange(ROWS) // 2, split=np.array(["train", "test"] * 50)
    )
    path = Path(suite.save(tmp_path / "new" / "folder")["path"])
    whole, before = path.read_bytes(), path.stat().st_mtime_ns
    assert suite.save(path.parent)["path"] == str(path) and path.stat().st_mtime_ns == before
    path.write_bytes(whole[:-100])
    suite.save(path.parent)
    assert path.read_bytes() == whole
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    found = build(suite.node(str(path))).arrays()
    assert found.digest == suite.content.digest
    assert found.groups is not None and found.split is not None


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        ArraySuite(inputs(), targets()).save(tmp_path / "file")


def test_later_changes_of_the_arrays_do_not_reach_it(tmp_path):
    x, y = inputs(), targets()
    pixels = np.arange(ROWS * 9, dtype=np.uint8).reshape(ROWS, 1, 3, 3)
    both = [ArraySuite(x, y), ArraySuite(pixels, y)]
    digests = [suite.content.digest for suite in both]
    x += 1
    y["a"] += 1
    pixels += 1
    nodes = [suite.save(tmp_path) for suite in both]
    assert [build(node).arrays().digest for node in nodes] == digests


def test_the_order_of_tasks_is_that_of_the_targets(tmp_path):
    first, second = targets(), dict(reversed(targets().items()))
    found = [build(ArraySuite(inputs(), y).save(tmp_path)) for y in (first, second)]
    assert [suite.available() for suite in found] == [("a", "b"), ("b", "a")]
    assert [suite.strata() for suite in found] == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("split", "sizes"),
    [
        (None, (70, 10, 20)),
        ((0.5, 0.25, 0.25), (50, 25, 25)),
        ([0.6, 0.2, 0.2], (60, 20, 20)),
        ({"val": 0.3}, (50, 30, 20)),
        ({"train": 0.5, "val": 0.3, "test": 0.2}, (50, 30, 20)),
        ({"val": 5, "test": np.int64(15)}, (80, 5, 15)),
        (["train"] * 50 + ["val"] * 20 + ["test"] * 30, (50, 20, 30)),
        (pd.Series(["train"] * 50 + ["val"] * 20 + ["test"] * 30, dtype="category"), (50, 20, 30)),
        (np.array(["train"] * 60 + ["test"] * 40), (54, 6, 40)),
    ],
)
def test_splits(tmp_path, split, sizes):
    rows = build(ArraySuite(inputs(), targets(), split=split).save(tmp_path)).info().sources[0].rows
    assert tuple(rows.values()) == sizes and list(rows) == ["train", "val", "test"]


@pytest.mark.parametrize(
    ("split", "rule"),
    [
        ((0.5, 0.1, 0.2), "shares of train, val and test that sum to 1"),
        ({"train": 0.9, "val": 0.3, "test": 0.2}, "shares of train, val and test that sum to 1"),
        ({"valid": 0.1}, "must give a number for train, val and test alone"),
        ({"val": "a tenth"}, "must give a number for train, val and test alone"),
        (0.2, "must be three shares, a dict of shares, or the part of each row"),
        ("half", "must be three shares, a dict of shares, or the part of each row"),
        (np.arange(ROWS), "must be text (N,), the part of each row"),
        (["train", "test"] * 10, "must have 100 rows, as the inputs have, found 20"),
    ],
)
def test_splits_that_are_wrong(split, rule):
    found = faults_of(inputs(), targets(), split=split)
    assert list(found) == ["split"] and rule in found["split"]


def test_all_faults_are_told_together():
    x = inputs()
    x[5, 1] = np.nan
    found = faults_of(
        inputs(),
        {
            "a": [1, 2],
            "inputs": inputs()[:, 0],
            3: inputs()[:, 0],
            "": inputs()[:, 0],
            "c": [object()] * ROWS,
        },
        groups=np.zeros((ROWS, 2)),
        split="x",
        trainsize=10,
    )
    assert set(found) == {"trainsize", "split", "targets", "targets[a]", "targets[c]", "groups"}
    assert "`trainsize` is no setting of a suite of arrays" in found["trainsize"]
    assert "did you mean train_size" in found["trainsize"]
    assert "must have 100 rows, as the inputs have, found 2" in found["targets[a]"]
    assert "row 5, column 1" in faults_of(x, targets())["inputs"]
    assert set(faults_of()) == {"inputs", "targets"}
    assert set(faults_of(inputs())) == {"targets"}
    assert "must be a dict {task: array}" in faults_of(inputs(), inputs()[:, 0])["targets"]
    assert "must be given, an array for each task" in faults_of(inputs(), {})["targets"]
    assert "must be given alone" in faults_of(inputs(), dataset=[])["dataset"]
    twice = faults_of(inputs(), targets(), split=(0.5, 0.2, 0.3), val=0.1)
    assert "must not be given twice: `split` says 0.2" in twice["val"]


def planned(tmp_path, suite, **settings):
    job = make_job(seeds=2, suite="arrays", budget__steps=20)
    return plan_study(prepare([{**job, "suite": {**suite.save(tmp_path), **settings}}]))


def test_studies_have_equal_run_ids_for_equal_content_and_reuse_baselines(tmp_path):
    x, y = inputs().astype(np.float32), targets()
    first = planned(tmp_path / "a", ArraySuite(x, y))
    again = planned(
        tmp_path / "b", ArraySuite(pd.DataFrame(x.astype(np.float64)), pd.DataFrame(y), name="other")
    )
    assert set(first.runs) == set(again.runs) and len(first.runs) == 6
    assert first.cells[0].labels["suite"] == "arrays" and again.cells[0].labels["suite"] == "other"
    changed = planned(tmp_path / "a", ArraySuite(x, {**y, "b": 1 - y["b"]}))
    assert changed.cells[0].baselines["a"] == first.cells[0].baselines["a"]
    assert not {*changed.cells[0].baselines["b"], *changed.cells[0].runs} & set(first.runs)
    more = planned(tmp_path / "a", ArraySuite(x, {**y, "c": y["a"] ** 2}), pairs="all")
    assert len(more.cells) == 3
    assert more.cells[0].runs == first.cells[0].runs and more.cells[0].baselines == first.cells[0].baselines


def test_settings_of_every_suite_work(tmp_path):
    node = ArraySuite(inputs(), {**targets(), "c": inputs()[:, 2] ** 2}).save(tmp_path)
    plain = build(node).load(0)
    changes = {
        "tasks": ["c", "a"],
        "label_noise": {"c": 0.5},
        "train_size": 0.5,
        "shuffled": ["a"],
        "primary": "a",
    }
    data = build({**node, **changes}).load(0)
    (before,), (after,) = plain.sources, data.sources
    train = after.splits["train"]
    assert [t.name for t in data.tasks] == ["c", "a"] and len(train) == 35
    assert set(train) <= set(before.splits["train"])
    clean = build({**node, "train_size": 0.5}).load(0).sources[0]
    assert (after.targets["c"][train] != clean.targets["c"][train]).all()
    assert sorted(after.targets["a"][train, 0]) == sorted(clean.targets["a"][train, 0])
    assert (after.targets["a"][train] != clean.targets["a"][train]).any()
    rest = after.splits["test"]
    np.testing.assert_array_equal(after.targets["c"][rest], clean.targets["c"][rest])
