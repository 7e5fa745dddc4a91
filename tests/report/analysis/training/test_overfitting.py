"""The overfitting gap by hand: in the table, in words, and in a sentence."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.analysis.training.overfitting import GAP_MTL, GAP_STL
from mtlrun.report.text.blocks.overfitting import overfitting_sentence

SEEDS = 5


def study(stl_gap: float, mtl_gap: float, direction: str = "higher", seeds: int = SEEDS) -> Summary:
    """Return results of one task whose training values are better than those of validation by these gaps."""
    made = SyntheticStudy()
    values = {"left": list(np.linspace(0.80, 0.81, seeds))}
    made.add(values, values, direction=direction, metric="accuracy" if direction == "higher" else "rmse")
    curves = made.curves()
    sign = 1.0 if direction == "higher" else -1.0
    multi = curves["run_id"].astype(str).str.contains("hard")
    gap = np.where(multi, mtl_gap, stl_gap) * sign * (1 + 0.01 * curves["step"] / 100)
    curves["value"] += np.where(curves["split"] == "train", gap, 0.0)
    return summarise(made.manifest(), made.runs(), curves)


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_the_gap_is_training_less_validation_oriented_at_the_step_that_reports_read(direction: str) -> None:
    found = study(0.08, 0.02, direction).diagnostics
    for quantity, gap in ((GAP_STL, 0.08), (GAP_MTL, 0.02)):
        own = found[found["quantity"] == quantity]
        assert own["seed"].tolist() == list(range(SEEDS))
        assert own["task"].tolist() == ["left"] * SEEDS
        assert own["step"].tolist() == [100] * SEEDS
        np.testing.assert_allclose(own["value"], 1.01 * gap)


def test_the_sentence_says_where_sharing_changes_it() -> None:
    assert overfitting_sentence(study(0.08, 0.02)) == (
        "MTL overfits less than STL on left (gap 0.02 against 0.081) (training less validation)."
    )
    assert "MTL overfits more than STL on left (gap 0.081 against 0.02)" in overfitting_sentence(
        study(0.02, 0.08)
    )


def test_nothing_is_said_within_the_margin_or_of_one_seed() -> None:
    assert overfitting_sentence(study(0.021, 0.02)) == ""
    assert overfitting_sentence(study(0.08, 0.02, seeds=1)) == ""
    none = dataclasses.replace(study(0.08, 0.02), gaps=study(0.0, 0.0).gaps[:0])
    assert overfitting_sentence(none) == ""


def test_runs_without_training_values_have_no_gap() -> None:
    made = SyntheticStudy()
    values = {"left": [0.8, 0.81]}
    made.add(values, values)
    curves = made.curves()
    found = summarise(made.manifest(), made.runs(), curves[curves["split"] != "train"])
    assert found.diagnostics.empty
