"""The best cell of each task or suite: chosen by validation, and said so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.best import best_cells
from mtlrun.report.formats.registry import render

STL = {"a": [0.80, 0.81, 0.82], "b": [0.70, 0.71, 0.72]}


def study(validation: bool = True) -> Summary:
    """Return results in which the order of the mitigations is another on test than on validation."""
    made = SyntheticStudy()
    gains = {"none": (0.0, 0.0), "pcgrad": (0.02, -0.05), "dwa": (0.01, 0.03)}
    for name, (a, b) in gains.items():
        mtl = {"a": list(np.array(STL["a"]) + a), "b": list(np.array(STL["b"]) + b)}
        made.add(STL, mtl, mitigation=name, weighting=name)
    summary = made.summary()
    curves = summary.curves
    if not validation:
        return dataclasses.replace(summary, curves=curves[curves["split"] != "val"])
    flipped = (curves["split"] == "test") & curves["run_id"].astype(str).str.contains("pcgrad")
    rows = summary.rows.copy()
    rows.loc[rows["mitigation"] == "pcgrad", "mtl_mean"] -= 0.5
    return dataclasses.replace(
        summary, curves=curves.assign(value=curves["value"] - 0.5 * flipped), rows=rows
    )


def test_the_best_of_each_task_is_chosen_by_validation_values() -> None:
    found = best_cells(study(), "task")
    assert set(zip(found.rows["task"], found.rows["mitigation"], strict=True)) == {
        ("a", "pcgrad"),
        ("b", "dwa"),
    }
    assert found.best.startswith("Each task shows the best of 3 cells, chosen by validation")
    assert set(found.contrasts["mitigation"]) == {"pcgrad", "dwa"}
    assert len(found.pairs) == 6


def test_the_best_of_each_suite_has_all_its_tasks() -> None:
    found = best_cells(study(), "suite")
    assert found.rows["mitigation"].tolist() == ["dwa", "dwa"]
    assert found.suites["mitigation"].tolist() == ["dwa"]
    assert "delta-m" in found.best


def test_without_validation_values_the_choice_by_test_values_is_warned_of() -> None:
    told = " ".join(str(render(study(validation=False), best="task")).split())
    assert "the best of 3 cells, chosen by these same test values" in told
    assert "the best of many looks better than it is" in told
    assert "sharing hurt" not in told  # of cells that were chosen, counts say nothing


def test_filters_come_first_and_one_cell_is_no_choice() -> None:
    text = str(render(study(), filters={"mitigation": "none"}, best="suite"))
    assert "Each suite has one cell, so there was nothing to choose." in text


def test_a_lower_metric_is_best_where_it_is_least() -> None:
    made = SyntheticStudy()
    for name, value in (("none", 0.5), ("pcgrad", 0.4)):
        made.add(
            {"a": [0.6, 0.61]},
            {"a": [value, value + 0.01]},
            metric="rmse",
            direction="lower",
            mitigation=name,
        )
    assert best_cells(made.summary(), "task").rows["mitigation"].tolist() == ["pcgrad"]


def test_what_cannot_be_chosen_is_refused() -> None:
    with pytest.raises(ConfigError, match="`--best` must say of what, found 'runs'"):
        render(study(), best="runs")
    made = SyntheticStudy()
    made.add(STL, STL, status=dict.fromkeys(range(3), "failed"))
    with pytest.raises(ConfigError, match="nothing to choose of"):
        render(made.summary(), best="task")
