"""What verdicts are about, in one sentence whatever the rows are."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mtlrun.report.text.about import about

ROW: dict[str, Any] = {
    "suite": "s",
    "task": "a",
    "metric": "accuracy",
    "over": "examples",
    "n_seeds": 5,
    "n_train": 897,
    "n_test": 600,
    "n_examples": 600,
    "n_splits": None,
    "cases": "examples",
}
SPLITS = {"over": "splits", "n_splits": 3, "n_examples": None}


def told(*rows: dict[str, Any]) -> str:
    text = about(pd.DataFrame([{**ROW, **row} for row in rows]))
    assert text.startswith("Verdicts are about ")
    assert text.endswith(".")
    return text[len("Verdicts are about ") : -1]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({}, "networks trained on these 897 rows: over seeds and 600 test examples"),
        (
            {"cases": "groups", "n_examples": 9},
            "networks trained on these 897 rows: over seeds and 9 test groups",
        ),
        ({"over": "seeds"}, "networks trained on these 897 rows: over seeds only, on these 600 test rows"),
        (
            {"over": "seeds", "metric": "excess_risk"},
            "networks trained on these 897 rows: over seeds; excess_risk is exact for the population",
        ),
        (
            SPLITS,
            "training on other samples of 897 rows of the same source: over 3 random splits and their seeds",
        ),
        (
            {"over": "seeds", "n_train": None, "n_test": None},
            "networks trained on these training rows: over seeds only, on these test rows",
        ),
    ],
)
def test_each_scope(row: dict[str, Any], text: str) -> None:
    assert told(row, {**row, "task": "b"}) == text


def test_tasks_are_named_where_they_differ_and_suites_where_those_do() -> None:
    first, second = "networks trained on these 897 rows", "networks trained on these 30 rows"
    error = "over seeds and {} test examples"
    assert told({}, {"task": "b", "n_examples": 40}) == (
        f"{first}: {error.format(600)} (a), {error.format(40)} (b)"
    )
    assert told({}, {"task": "b", "n_train": 30}) == (
        f"{first}: {error.format(600)} (a); {second}: {error.format(600)} (b)"
    )
    assert told({}, {"suite": "t", "n_train": 30}) == (
        f"{first}: {error.format(600)} (s); {second}: {error.format(600)} (t)"
    )
    assert told({}, {"suite": "t"}, {"suite": "t", "task": "b", "n_train": 30}) == (
        f"{first}: {error.format(600)} (s a, t a); {second}: {error.format(600)} (t b)"
    )


def test_a_sweep_over_training_sizes_names_no_task_twice() -> None:
    text = told(*({"task": task, "n_train": rows} for rows in (100, 200) for task in "ab"))
    assert text.count("over seeds and 600 test examples") == 2
    assert "(" not in text


def test_many_kinds_of_rows_are_told_by_their_ranges() -> None:
    text = told(*({"suite": f"s{k}", "n_train": 100 * k, "n_examples": 10 * k} for k in range(1, 9)))
    assert text == (
        "networks trained on these training sets (100 to 800 rows): over seeds and 10 to 80 test examples"
    )


def test_without_a_gain_there_is_no_verdict() -> None:
    assert about(pd.DataFrame([{**ROW, "n_seeds": 0}])) == ""
    assert about(pd.DataFrame([{**ROW, "n_seeds": 1}, {**ROW, "n_seeds": 0}])) == "One seed gives no verdict."
