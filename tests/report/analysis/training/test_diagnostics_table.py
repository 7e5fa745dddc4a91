"""What was recorded of training as a tidy table, by hand; the sentence and the table for people that it gives."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.analysis.training.diagnostics import DIAGNOSTIC_COLUMNS, make_diagnostics
from mtlrun.report.formats.registry import render
from mtlrun.report.text.blocks.diagnostics import conflict_sentence

PHASES = [{"begin": 0, "end": 10, "tasks": {"a": 10, "b": 10}}, {"begin": 10, "end": 20, "tasks": {"c": 10}}]


def told(diagnostics: dict[str, Any], tasks: str = "abc", phases: Any = PHASES) -> list[tuple[Any, ...]]:
    cell = {
        "labels": dict.fromkeys(
            ("suite", "sharing", "heads", "weighting", "schedule", "regularization", "mitigation"), "x"
        ),
        "cell_id": "c",
        "seeds": [4],
        "runs": ["r"],
        "tasks": [{"name": name} for name in tasks],
        "config": {},
        "phases": phases,
    }
    runs = pd.DataFrame({"run_id": ["r"], "diagnostics": [diagnostics]})
    frame = make_diagnostics({"cells": [cell]}, runs)
    assert list(frame) == list(DIAGNOSTIC_COLUMNS)
    assert set(frame["seed"]) <= {4}
    named = frame[["step", "quantity", "task", "partner", "value"]].astype(object)
    return list(named.where(named.notna(), None).itertuples(index=False, name=None))


def test_a_row_for_each_task_and_each_pair_at_each_evaluation() -> None:
    assert told(
        {
            "steps": [10, 20],
            "active": [[0, 1, 2], [0, 2]],
            "weights": [[1.0, 2.0, 3.0], [4.0, 5.0]],
            "gradient_cosines": [[0.1, 0.2, 0.3], [-0.4]],
        }
    ) == [
        (10, "weights", "a", None, 1.0),
        (10, "weights", "b", None, 2.0),
        (10, "weights", "c", None, 3.0),
        (10, "gradient_cosines", "a", "b", 0.1),
        (10, "gradient_cosines", "a", "c", 0.2),
        (10, "gradient_cosines", "b", "c", 0.3),
        (20, "weights", "a", None, 4.0),
        (20, "weights", "c", None, 5.0),
        (20, "gradient_cosines", "a", "c", -0.4),
    ]


def test_runs_of_earlier_versions_say_the_mean_over_pairs_and_their_phases_say_the_tasks() -> None:
    old = {"steps": [5, 15], "weights": [[1.0, 1.0], [1.0]], "gradient_cosines": [-0.2, None]}
    assert told(old) == [
        (5, "weights", "a", None, 1.0),
        (5, "weights", "b", None, 1.0),
        (5, "gradient_cosines", "a", "b", -0.2),  # the phase has two tasks, so the mean is of this pair
        (15, "weights", "c", None, 1.0),
    ]
    three = {"steps": [5], "weights": [[1.0, 1.0, 1.0]], "gradient_cosines": [0.5]}
    assert told(three, phases=[])[-1] == (5, "gradient_cosines", None, None, 0.5)


def test_what_is_not_known_or_not_finite_is_left_out() -> None:
    alternating = {"steps": [5], "weights": [[1.0]], "gradient_cosines": [None]}
    assert told(alternating) == []  # two tasks in turns: which one this weight is of was not recorded
    diverged = {
        "steps": [5],
        "active": [[0, 1]],
        "weights": [[np.nan, np.inf]],
        "gradient_cosines": [[np.nan]],
    }
    assert told(diverged) == []
    assert told({}) == []


def study(*cosines: float, tasks: tuple[str, ...] = ("left", "right"), seeds: int = 4) -> Summary:
    """Return results whose pairs of tasks have these cosines at five evaluations, a little different by seed."""
    made = SyntheticStudy()
    values = {task: np.linspace(0.9, 0.91, seeds) for task in tasks}
    made.add(values, values)
    made.add(values, values, mitigation="pcgrad", weighting="pcgrad")
    runs = made.runs()
    runs["diagnostics"] = [
        {
            "steps": [10, 20, 30, 40, 50],
            "active": [list(range(len(tasks)))] * 5,
            "weights": [[1.0] * len(tasks)] * 5,
            "gradient_cosines": [[c + 0.01 * k + 0.001 * seed for c in cosines] for k in range(5)],
        }
        if "hard" in run_id
        else {}
        for run_id, seed in zip(runs["run_id"], runs["seed"], strict=True)
    ]
    return summarise(made.manifest(), runs, made.curves())


@pytest.mark.parametrize(
    ("cosines", "tasks", "told"),
    [
        ((-0.5,), "ab", "Gradients of a and b conflict in 100 % of the recorded steps."),
        ((0.3,), "ab", "Gradients of a and b conflict in 0 % of the recorded steps."),
        (
            (-0.5, 0.3, -0.2),
            "abc",
            "Gradients conflict in most of the recorded steps for a and b (100 %), b and c (100 %); "
            "in few of the recorded steps for a and c (0 %).",
        ),
    ],
)
def test_the_sentence_names_pairs_that_conflict_mostly_or_hardly(
    cosines: tuple[float, ...], tasks: str, told: str
) -> None:
    found = study(*cosines, tasks=tuple(tasks))
    assert conflict_sentence(found) == told
    assert told in " ".join(str(render(found)).split())


def test_nothing_is_said_where_conflict_is_as_frequent_as_not_or_seeds_are_too_few() -> None:
    assert conflict_sentence(study(-0.0215)) == ""  # two or three of five evaluations, by seed
    assert conflict_sentence(study(-0.5, seeds=1)) == ""


def test_the_table_for_people_has_a_line_for_each_cell_and_pair() -> None:
    page = str(render(study(-0.5, 0.3, -0.2, tasks=("a", "b", "c")), "md", "diagnostics"))
    gaps = "a 0, b 0, c 0"
    assert f"| none | a, b | -0.49 | -0.46 | 100 | {gaps} | {gaps} | a 1, b 1, c 1 |" in page
    assert "|  | a, c | +0.31 | +0.34 | 0 |  |  |  |" in page
    assert page.count("| 100 |") == 4
    assert "below 0 the gradients conflict" in page


def test_files_have_the_table_and_filters_keep_a_task_with_its_partners() -> None:
    found = study(-0.5, 0.3, -0.2, tasks=("a", "b", "c"))
    rows = json.loads(str(render(found, "json", "diagnostics")))["diagnostics"]
    gaps = 2 * 4 * 2 * 3  # cells, seeds, sides, tasks
    assert len(rows) == 2 * 4 * 5 * 6 + gaps  # cells, seeds, evaluations, three weights and three pairs
    only = {"task": "b", "mitigation": "pcgrad"}
    some = json.loads(str(render(found, "json", "diagnostics", only)))["diagnostics"]
    assert len(some) == 4 * 5 * 3 + 4 * 2
    assert {(row["task"], row["partner"]) for row in some} == {("b", None), ("a", "b"), ("b", "c")}
    content = render(found, "parquet", "diagnostics")
    assert isinstance(content, bytes)
    assert pd.read_parquet(io.BytesIO(content))["value"].dtype == "float64"


def test_pairs_of_one_name_are_told_with_their_suite_and_pooled_settings_are_said() -> None:
    found = study(-0.5)
    other = found.conflicts.assign(suite="other[left+right]")
    both = dataclasses.replace(found, conflicts=pd.concat([found.conflicts, other]))
    told = "for pair left and right (100 %), other left and right (100 %)."
    assert conflict_sentence(both).endswith(told)
    width = found.conflicts.assign(cell_id="wide")
    pooled = dataclasses.replace(found, conflicts=pd.concat([found.conflicts, width]))
    assert conflict_sentence(pooled).endswith("of the recorded steps, over all settings.")
