"""A manifest as tables: the ratio of each task's own source, and the splits that seeds repeat."""

from support.synthetic_study import LABELS

from mtlrun.report.analysis.pairs.layout import lay_out, split_ratio

BY_TASK = {"a": {"n_train": 520, "n_test": 60}, "b": {"n_train": 70, "n_test": 60}}


def manifest(**cell):
    about = {"kind": "regression", "metric": "mse", "direction": "lower"}
    plain = {
        "cell_id": "c",
        "labels": {"suite": "tables", **LABELS},
        "select": "per_task",
        "tasks": [{"name": name, **about} for name in "ab"],
        "seeds": [0, 1],
        "runs": ["r0", "r1"],
        "baselines": {"a": ["a0", "a1"], "b": ["b0", "b1"]},
    }
    return {"cells": [{**plain, **cell}]}


def columns(**cell):
    units = lay_out(manifest(**cell)).units
    return units["ratio"].tolist(), units["splits"].tolist()


def test_each_task_has_the_ratio_of_its_own_source():
    assert columns(resplit={"splits": None, "tasks": BY_TASK}) == ([60 / 520, 60 / 70], [0, 0])
    assert columns(resplit={"splits": 5, "tasks": BY_TASK}) == ([60 / 520, 60 / 70], [5, 5])


def test_one_fixed_split_has_neither():
    assert columns() == columns(resplit=None) == ([0.0, 0.0], [0, 0])


def test_manifests_of_before_have_one_pair_of_sizes_for_all_tasks():
    assert columns(resplit={"n_train": 4, "n_test": 1}) == ([0.25, 0.25], [0, 0])
    assert split_ratio({"resplit": {"n_train": 4, "n_test": 1}}, "a") == 0.25
