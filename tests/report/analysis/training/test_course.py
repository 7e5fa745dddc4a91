"""What a schedule did, as reports tell it: phases, the phase of a point, forgetting worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.report.analysis.summary import summarise
from mtlrun.report.analysis.training.phases import make_phases, with_forgetting
from mtlrun.report.formats.registry import render
from mtlrun.report.tables import table
from mtlrun.schedule.base import told
from mtlrun.schedule.fork_merge import ForkMerge
from mtlrun.schedule.joint import Joint
from mtlrun.schedule.progressive import Progressive
from mtlrun.schedule.sequential import Sequential

SEQUENTIAL = told(Sequential().phases(2, 50), ["a", "b"])


def manifest(phases: list[dict[str, Any]]) -> dict[str, Any]:
    return {"cells": [{"cell_id": "c", "tasks": [{"name": "a"}, {"name": "b"}], "phases": phases}]}


def pairs(direction: str = "higher", status: str = "finished") -> pd.DataFrame:
    about = {"cell_id": "c", "metric": "m", "direction": direction, "run_id": "r", "status": status}
    return pd.DataFrame([{**about, "task": task} for task in ("a", "b")])


def curves(val: list[float], test: list[float]) -> pd.DataFrame:
    """Both tasks have the same values, after 10, 20, ... steps."""
    return pd.DataFrame(
        [
            {"run_id": "r", "task": task, "split": split, "metric": "m", "step": 10 * k, "value": value}
            for task in ("a", "b")
            for split, values in (("val", val), ("test", test), ("train", val))
            for k, value in enumerate(values, 1)
        ]
    ).astype(dict.fromkeys(("run_id", "task", "split", "metric"), "category"))


def forgotten(val: list[float], test: list[float], **about: str) -> list[float]:
    return with_forgetting(pairs(**about), manifest(SEQUENTIAL), curves(val, test))["forgetting"].tolist()


def test_forgetting_is_the_test_value_at_the_best_earlier_validation_step_less_the_last() -> None:
    # Best on validation before the end: the second evaluation (0.9), where test is 0.6; at the end it is 0.5. The
    # largest test value (0.8) and the last validation value (1.0) have no part in it. b is not followed by another.
    assert forgotten([0.5, 0.9, 0.7, 1.0], [0.8, 0.6, 0.7, 0.5]) == [
        pytest.approx(0.1),
        pytest.approx(np.nan, nan_ok=True),
    ]


def test_it_is_oriented_and_may_be_a_gain() -> None:
    assert forgotten([3.0, 1.0, 2.0], [3.0, 1.5, 2.0], direction="lower")[0] == pytest.approx(0.5)
    assert forgotten([0.1, 0.2, 0.9], [0.1, 0.2, 0.9])[0] == pytest.approx(-0.7)


def test_of_equally_good_steps_the_earliest_counts_and_what_is_not_finite_never() -> None:
    assert forgotten([0.9, 0.9, 0.1], [0.7, 0.6, 0.1])[0] == pytest.approx(0.6)
    assert forgotten([np.inf, np.nan, 0.2, 0.1], [0.9, 0.8, 0.3, 0.1])[0] == pytest.approx(0.2)


@pytest.mark.parametrize("status", ("diverged", "failed", "missing"))
def test_only_finished_runs_with_two_evaluations_have_it(status: str) -> None:
    assert np.isnan(forgotten([0.9, 0.1], [0.9, 0.1], status=status)).all()
    assert np.isnan(forgotten([0.9], [0.9])).all()


@pytest.mark.parametrize(
    ("schedule", "earlier"),
    (
        (Sequential(), "ab"),
        (Sequential(order="reversed"), "bc"),
        (Sequential(replay=0.3), "ab"),
        (Sequential(earlier_heads="refit"), "ab"),
        (Progressive(), ""),
        (Joint(), ""),
        (ForkMerge(), ""),
    ),
)
def test_earlier_tasks_are_those_that_a_later_phase_trains_less(schedule: Any, earlier: str) -> None:
    names = ["a", "b", "c"]
    cell = {"cell_id": "c", "tasks": [{"name": n} for n in names]}
    cell["phases"] = told(schedule.phases_of(names, None, 50), names)
    rows = pd.concat([pairs().iloc[:1].assign(task=n) for n in names], ignore_index=True)
    data = curves([0.9, 0.1], [0.9, 0.1])
    data = pd.concat([data, data[data["task"] == "a"].assign(task="c")], ignore_index=True)
    found = with_forgetting(rows, {"cells": [cell]}, data)
    assert "".join(found.loc[found["forgetting"].notna(), "task"]) == earlier


def study(phases: list[dict[str, Any]] | None) -> SyntheticStudy:
    made = SyntheticStudy()
    made.early = 1.0
    values = {"a": [0.5, 0.6], "b": [0.7, 0.8]}
    made.add(values, values, schedule="sequential")
    if phases is not None:
        made.cells[0]["phases"] = phases
    return made


def test_curves_say_the_phase_and_whether_it_trains_the_task() -> None:
    points = table(study(SEQUENTIAL).summary(), "curves")  # evaluations after 50 and 100 steps
    mtl = points[points["side"] == "mtl"].drop_duplicates(["task", "step"])
    found = mtl[["task", "step", "phase", "trained"]].sort_values(["task", "step"])
    assert found.to_numpy().tolist() == [
        ["a", 50, 1, True],
        ["a", 100, 2, False],
        ["b", 50, 1, False],
        ["b", 100, 2, True],
    ]
    alone = points[points["side"] == "stl"]
    assert (alone["phase"] == 1).all()
    assert alone["trained"].all()


def test_studies_of_before_have_neither_phases_nor_forgetting() -> None:
    summary = study(None).summary()
    points = table(summary, "curves")
    assert points.loc[points["side"] == "mtl", ["phase", "trained"]].isna().all(axis=None)
    assert table(summary, "phases").empty
    assert summary.pairs["forgetting"].isna().all()
    assert "earlier tasks" not in str(render(summary))


def test_what_people_read_tells_forgetting_of_earlier_tasks() -> None:
    summary = study(SEQUENTIAL).summary()  # one more at the end than in the middle, in both seeds
    for name in ("terminal", "md", "html"):
        text = str(render(summary, name))
        assert "Forgotten of earlier tasks" in text
        assert "a (accuracy)" in text
        assert "b (accuracy)" not in text
        assert "-1.00" in text
    runs = json.loads(str(render(summary, "json", "runs")))["runs"]
    assert [run["forgetting"] for run in runs] == [pytest.approx(-1), pytest.approx(-1), None, None]


def test_phases_tell_the_mean_weights_of_branches() -> None:
    phases = told(ForkMerge(merges=2).phases_of(["a", "b"], "a", 50), ["a", "b"])
    made = study(phases)
    runs = made.runs()
    done = [[[1.0, 0.0], [0.5, 0.5]], [[0.5, 0.5], [0.0, 1.0]]]
    own = dict(zip(made.cells[0]["runs"], done, strict=True))
    runs["diagnostics"] = [
        {"merges": [{"step": 50 * k, "weights": w} for k, w in enumerate(own.get(run_id, []), 1)]}
        for run_id in runs["run_id"]
    ]
    (phase,) = make_phases(made.manifest(), runs).to_dict("records")
    assert phase["tasks"] == {"a": 100, "b": 50}
    assert phase["branches"] == [["a"], ["a", "b"]]
    assert phase["merge_every"] == 50
    assert phase["weights"] == [0.5, 0.5]
    summary = summarise(made.manifest(), runs, made.curves())
    (row,) = json.loads(str(render(summary, "json", "phases")))["phases"]
    assert (row["phase"], row["begin"], row["end"], row["weights"]) == (1, 0, 100, [0.5, 0.5])
