"""Exact nulls through the whole program: gain 0 in every seed, and so `neutral` with p 1.

Two more stand in tests/test_cli_answers.py, for every suite: `sharing=separate`, and weights (1, 0) for the weighted
task.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.commands import mtlrun, reported, tiny

TEACHERS = (
    *("suite=linear_teachers", "suite.dim=5", "suite.design=orthonormal", "suite.samples=40", "suite.cosine=0.3"),
    *("model=linear", "model.bias=false", "heads.bias=false", "optimizer=sgd", "optimizer.lr=0.05", "dtype=float64"),
    *("budget.batch_size=full", "budget.evaluations=1"),
)  # fmt: skip


def rows_of(store: Path, *overrides: str) -> list[dict[str, Any]]:
    assert mtlrun("run", *tiny(store, *overrides)).code == 0
    rows = reported(store)["rows"]
    assert len(rows) == 2
    return rows


def assert_null(row: dict[str, Any]) -> None:
    assert abs(row["diff"]) <= 1e-6 * abs(row["stl_mean"])
    assert (row["verdict"], row["p"], row["p_adjusted"]) == ("neutral", 1, 1)


@pytest.mark.parametrize("weighting", ("equal", "pcgrad"))
def test_two_copies_of_a_task_with_separate_encoders(tmp_path: Path, weighting: str) -> None:
    twins = ("suite._target_=support.twins.Twins", f"weighting={weighting}", "sharing=separate")
    for row in rows_of(tmp_path, *twins):
        assert row["diff"] == 0
        assert_null(row)


@pytest.mark.parametrize("width", (2, 5))
def test_a_linear_trunk_as_wide_as_there_are_tasks_costs_nothing(tmp_path: Path, width: int) -> None:
    for row in rows_of(tmp_path, *TEACHERS, f"model.width={width}", "budget.steps=2000"):
        assert_null(row)


def test_a_narrower_one_does(tmp_path: Path) -> None:
    for row in rows_of(tmp_path, *TEACHERS, "model.width=1", "budget.steps=2000"):
        assert row["diff"] < -0.01
