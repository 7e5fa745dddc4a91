"""Targets: kinds inferred and given, units, gaps."""

import numpy as np
import pandas as pd
import pytest

from mtlrun.data.tables.table import Table
from mtlrun.data.task import ALL_METRICS

ROWS = 120
RNG = np.random.default_rng(3)
COLUMNS = {
    "text": ("multiclass", 3, RNG.choice(["a", "b", "c"], ROWS)),
    "two": ("binary", 1, RNG.choice(["no", "yes"], ROWS)),
    "flag": ("binary", 1, RNG.random(ROWS) < 0.5),
    "zero_one": ("binary", 1, RNG.integers(0, 2, ROWS)),
    "few": ("multiclass", 5, np.arange(ROWS) % 5),
    "whole_floats": ("multiclass", 3, np.arange(ROWS) % 3 * 1.0),
    "counts": ("regression", 1, RNG.integers(0, 500, ROWS)),
    "thin": ("regression", 1, np.arange(ROWS) % 15),  # 8 rows a value
    "amounts": ("regression", 1, RNG.normal(size=ROWS)),
}


@pytest.fixture
def columns(tmp_path):
    frame = pd.DataFrame({name: values for name, (_, _, values) in COLUMNS.items()})
    frame["x"] = RNG.normal(size=ROWS)
    frame.to_parquet(tmp_path / "t.parquet")
    return str(tmp_path / "t.parquet")


def test_kinds_are_inferred_with_all_metrics_of_each(columns):
    suite = Table(path=columns, targets={name: name for name in COLUMNS}, inputs=["x"])
    found = {task.name: (task.kind, task.outputs, task.metrics, task.partial) for task in suite.info().tasks}
    assert found == {
        n: (kind, outputs, ALL_METRICS[kind], False) for n, (kind, outputs, _) in COLUMNS.items()
    }


def test_kinds_are_given(columns):
    targets = {"a": "few", "b": "zero_one", "c": "thin"}
    kinds = {"a": "regression", "b": "multiclass", "c": "multiclass"}
    tasks = Table(path=columns, targets=targets, kinds=kinds, inputs=["x"]).info().tasks
    assert [(task.kind, task.outputs) for task in tasks] == [
        ("regression", 1),
        ("multiclass", 2),
        ("multiclass", 15),
    ]


def test_several_columns_are_labels_or_amounts_of_one_task(columns):
    targets = {"labels": ["two", "flag", "zero_one"], "amounts": ["counts", "amounts"]}
    suite = Table(path=columns, targets=targets, inputs=["x"])
    assert [(task.kind, task.outputs) for task in suite.info().tasks] == [
        ("multilabel", 3),
        ("regression", 2),
    ]
    source = suite.load(0).sources[0]
    assert source.targets["labels"].shape == (ROWS, 3) and set(np.unique(source.targets["labels"])) == {0, 1}
    mean, std = source.units["amounts"]
    restored = source.targets["amounts"] * std + mean
    np.testing.assert_allclose(restored[:, 0], COLUMNS["counts"][2], rtol=1e-5)
    rows = source.splits["train"]
    np.testing.assert_allclose(source.targets["amounts"][rows].std(0), 1, rtol=1e-5)


def test_missing_targets_leave_the_row_to_other_tasks(path, frame):
    frame.loc[::3, "level"] = None
    frame.loc[::4, "cooling"] = None
    frame.to_csv(path, index=False)
    suite = Table(path=str(path), targets={"level": "level", "cooling": "cooling", "heating": "heating"})
    assert [task.partial for task in suite.info().tasks] == [True, True, False]
    targets = suite.load(0).sources[0].targets
    assert np.flatnonzero(targets["level"] < 0).tolist() == list(range(0, 200, 3))
    assert np.flatnonzero(np.isnan(targets["cooling"][:, 0])).tolist() == list(range(0, 200, 4))
    assert np.isfinite(targets["heating"]).all()


@pytest.mark.parametrize(
    ("asked", "first"),
    (
        (None, "rmse"),
        ({"heating": "mae"}, "mae"),
        ({"regression": "spearman"}, "spearman"),
        ({"heating": ["r2", "mse"], "regression": "mae"}, "r2"),
    ),
)
def test_the_primary_metric_is_a_setting(path, asked, first):
    suite = Table(path=str(path), targets={"heating": "heating"}, metrics=asked)
    for found in (suite, suite.narrowed(["heating"])):
        (task,) = found.info().tasks
        assert task.metrics[0] == first and set(task.metrics) == set(ALL_METRICS["regression"])


def test_classes_keep_their_names(path):
    suite = Table(
        path=str(path),
        targets={"level": "level", "garden": "garden", "age": "age"},
        kinds={"age": "multiclass"},
    )
    assert suite.class_names("level") == ("high", "low", "mid")
    assert suite.class_names("garden") == ("false", "true")
    assert suite.class_names("age")[:3] == ("0", "1", "2")
