"""Patience: which evaluations of a run are read, on validation alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun, reported, segments, tiny

from mtlrun.report.analysis.pairs.checkpoint_selection import select


def curves(**runs: dict[str, list[float]]) -> pd.DataFrame:
    """By run a validation value per step 10, 20, ..., by task; test values count the evaluations: 1, 2, ..."""
    rows = [
        (run, task, split, "accuracy", 10 * (i + 1), value if split == "val" else i + 1.0)
        for run, tasks in runs.items()
        for task, series in tasks.items()
        for i, value in enumerate(series)
        for split in ("val", "test")
    ]
    frame = pd.DataFrame(rows, columns=["run_id", "task", "split", "metric", "step", "value"])
    return frame.sample(frac=1, random_state=1)


def chosen(
    data: pd.DataFrame, *series: str, patience: int, mode: str = "last", after: int = 0, sign: float = 1.0
) -> list[float]:
    """Return the steps at which series, each `run/task`, are read."""
    wanted = pd.DataFrame(
        [(*name.split("/"), "accuracy", sign, mode, patience, after) for name in series],
        columns=["run_id", "task", "metric", "sign", "select", "patience", "after"],
    )
    found = select(wanted, data)
    assert (found["value"] * 10).tolist() == found["step"].tolist()
    return found["step"].tolist()


def test_a_run_ends_with_the_evaluation_that_is_the_last_straw() -> None:
    # New bests at 10, 20 and 50. From 30 on two in a row are without: patience 2 ends at 40, patience 3 at 80.
    data = curves(r={"a": [0.1, 0.5, 0.4, 0.5, 0.6, 0.2, 0.3, 0.6, 0.9]})
    assert chosen(data, "r/a", patience=1) == [30]
    assert chosen(data, "r/a", patience=2) == [40]
    assert chosen(data, "r/a", patience=3) == [80]
    assert chosen(data, "r/a", patience=4) == [90]
    assert chosen(data, "r/a", patience=0) == [90]
    assert chosen(data, "r/a", patience=2, mode="per_task") == [20]
    assert chosen(data, "r/a", patience=3, mode="per_task") == [50]
    assert chosen(data, "r/a", patience=4, mode="per_task") == [90]


def test_lower_may_be_better() -> None:
    data = curves(r={"a": [0.5, 0.3, 0.4, 0.5, 0.1]})
    assert chosen(data, "r/a", patience=2, mode="per_task", sign=-1.0) == [20]
    assert chosen(data, "r/a", patience=3, mode="per_task", sign=-1.0) == [50]


def test_any_task_of_a_run_keeps_it_going_and_no_task_of_another() -> None:
    data = curves(
        r={"a": [0.5, 0.1, 0.1, 0.1, 0.9, 0.1], "b": [0.1, 0.2, 0.3, 0.1, 0.1, 0.1]},
        s={"a": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]},
    )
    assert chosen(data, "r/a", "r/b", "s/a", patience=2) == [60, 60, 60]  # a new best of r in 30 and in 50
    assert chosen(data, "r/a", "r/b", "s/a", patience=1) == [40, 40, 60]
    assert chosen(data, "r/a", "r/b", patience=1, mode="per_task") == [10, 30]
    assert chosen(data, "r/a", patience=2) == [30]  # b is not judged


def test_the_joint_choice_does_not_know_what_comes_after_the_end() -> None:
    # The end is at 30. Up to there a has the mean 0.3, b 0.2: 10 is best. The wild value at 50 would make a's mean
    # large, so that a would hardly count, and 20 would be best.
    values = {"a": [0.5, 0.2, 0.2, 0.2, -9.0], "b": [0.1, 0.3, 0.2, 0.2, 0.2]}
    ended = chosen(curves(r=values), "r/a", "r/b", patience=1, mode="joint")
    assert ended == [10, 10]
    assert chosen(curves(r=values), "r/a", "r/b", patience=0, mode="joint") == [20, 20]
    short = {task: series[:3] for task, series in values.items()}
    assert ended == chosen(curves(r=short), "r/a", "r/b", patience=0, mode="joint")


def test_earlier_phases_run_to_their_end() -> None:
    data = curves(r={"a": [0.9, 0.1, 0.1, 0.1, 0.2, 0.3, 0.2, 0.1]})
    assert chosen(data, "r/a", patience=2) == [30]
    assert chosen(data, "r/a", patience=2, after=40) == [80]  # begins anew at 50; the last new best is at 60
    assert chosen(data, "r/a", patience=1, after=40) == [70]
    assert chosen(data, "r/a", patience=1, after=40, mode="per_task") == [10]


def test_values_that_are_not_finite_are_no_new_best() -> None:
    data = curves(r={"a": [np.nan, 0.2, np.inf, np.nan, 0.9]}, s={"a": [np.nan] * 5})
    assert chosen(data, "r/a", patience=2) == [40]
    assert chosen(data, "s/a", patience=2) == [30]


def test_runs_without_curves_give_nan() -> None:
    wanted = pd.DataFrame(
        [("r", "a", "accuracy", 1.0, "last", 2, 0)],
        columns=["run_id", "task", "metric", "sign", "select", "patience", "after"],
    )
    assert select(wanted, curves(r={"b": [1.0]})).isna().all(axis=None)


@pytest.mark.parametrize("mode", ("per_task", "joint", "last"))
def test_test_values_have_no_part_in_it(mode: str) -> None:
    rng = np.random.default_rng(0)
    data = curves(r={task: rng.random(12).tolist() for task in ("a", "b")})
    choices = set()
    for _ in range(5):
        mixed = data.copy()
        test = mixed["split"] == "test"
        mixed.loc[test, "value"] = rng.normal(size=test.sum())
        wanted = pd.DataFrame(
            [("r", task, "accuracy", 1.0, mode, 2, 0) for task in ("a", "b")],
            columns=["run_id", "task", "metric", "sign", "select", "patience", "after"],
        )
        choices.add(tuple(select(wanted, mixed)["step"]))
    assert len(choices) == 1


def test_the_same_runs_are_read_with_and_without_it(tmp_path: Path) -> None:
    study = tiny(tmp_path, "budget.evaluations=10", "schedule=sequential", "budget.select=last")
    assert mtlrun("run", *study).code == 0
    stored = segments(tmp_path)
    whole = reported(tmp_path, "--level", "runs")["runs"]
    assert mtlrun("run", *study, "budget.patience=1").code == 0
    assert segments(tmp_path) == stored  # nothing was trained again
    ended = reported(tmp_path, "--level", "runs")["runs"]
    assert [r["run_id"] for r in ended] == [r["run_id"] for r in whole]
    assert {r["step"] for r in whole} == {40} and {r["stl_step"] for r in whole} == {20}
    assert any(r["step"] < 40 for r in ended) and any(r["stl_step"] < 20 for r in ended)
    assert all(r["step"] > 20 for r in ended)  # the last of two phases
