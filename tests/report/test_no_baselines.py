"""Reports of studies that were interrupted before their baselines were trained."""

from __future__ import annotations

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.registry import render

N = 12
RNG = np.random.default_rng(3)
BASE = 0.9 + 0.01 * RNG.standard_normal(N)
SHIFTS = {"none": 0.0, "worse": -0.02, "better": 0.03}


def interrupted(trained: int = 0, metric: str = "accuracy") -> SyntheticStudy:
    """Three mitigations that were trained for all seeds, with the baselines of the first `trained` seeds."""
    study = SyntheticStudy()
    missing = dict.fromkeys(range(trained, N), "missing")
    for name, shift in SHIFTS.items():
        mtl = BASE + shift + 0.003 * RNG.standard_normal(N)
        study.add({"a": BASE}, {"a": mtl}, mitigation=name, weighting=name, stl_status=missing, metric=metric)
    return study


@pytest.fixture(scope="module")
def summary() -> Summary:
    return interrupted().summary()


def page(summary: Summary) -> str:
    found = render(summary, "md")
    assert isinstance(found, str)
    return found


def test_means_of_what_was_trained_stand_without_a_gain(summary: Summary) -> None:
    rows = summary.rows
    assert rows["n_seeds"].tolist() == [0, 0, 0]
    assert rows["mtl_mean"].tolist() == pytest.approx([0.9, 0.88, 0.93], abs=0.01)
    assert rows[["stl_mean", "diff", "gain_pct", "p"]].isna().all(axis=None)
    line = next(line for line in page(summary).splitlines() if line.startswith("| a | none"))
    assert line.split("|")[3].strip() == "-"
    assert line.split("|")[4].strip().startswith(f"{rows.iloc[0].mtl_mean:.3f} ±")
    assert "no baseline" in line


def test_a_contrast_has_no_percentage_and_no_word_that_needs_a_baseline(summary: Summary) -> None:
    found = summary.contrasts.set_index("mitigation")
    assert found["verdict"].to_dict() == {"worse": "worse", "better": "inconclusive"}
    assert found["gain_pct"].isna().all()
    assert found["seeds_needed"].isna()["better"]
    text = page(summary)
    assert f"| worse | worse {found['diff']['worse']:.4f} abs |" in text
    assert f"| better | inconclusive {found['diff']['better']:+.4f} abs |" in text
    assert "abs: in the metric's own unit." in text


@pytest.mark.parametrize("trained", [0, 1])
def test_a_repair_is_told_from_two_baselines_on(trained: int) -> None:
    assert "better" not in set(interrupted(trained).summary().contrasts["verdict"])
    assert "better" in set(interrupted(2).summary().contrasts["verdict"])


def test_a_difference_without_percentage_is_marked_with_baselines_too() -> None:
    found = interrupted(N, "r2").summary()
    diff = found.contrasts.set_index("mitigation")["diff"]["worse"]
    assert f"worse {diff:.4f} abs" in page(found)


def test_it_is_said_that_baselines_are_not_trained_yet(summary: Summary) -> None:
    text = page(summary)
    assert "3 rows have no baseline trained yet, so no gain." in text
    assert f"Of {4 * N} runs, {N} not trained yet." in text
    assert "sharing hurt" not in text
    assert "no baseline" not in page(interrupted(N).summary())


def test_tasks_without_seeds_are_not_said_to_have_no_percentage() -> None:
    study = interrupted(N)
    study.add({"b": BASE}, {"b": BASE + 0.01}, suite="other", stl_status=dict.fromkeys(range(N), "missing"))
    text = page(study.summary())
    assert "1 row has no baseline trained yet" in text
    assert "no percentage" not in text


def test_tasks_whose_metric_has_no_percentage_are_told() -> None:
    study = interrupted(N)
    study.add({"a": BASE}, {"a": BASE + 0.01}, suite="other", metric="r2")
    assert "Mean gains leave out a, whose metric has no percentage." in page(study.summary())


def test_ranks_leave_out_what_has_no_pairs() -> None:
    study = interrupted()
    for name, shift in (("none", 0.01), ("better", 0.0)):
        study.add({"b": BASE}, {"b": BASE + shift}, suite="other", mitigation=name, weighting=name)
    ranks = study.summary().aggregates.set_index("mitigation")["mean_rank"]
    assert ranks.to_dict() == {"none": 1.0, "better": 2.0}


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_there_is_no_empty_picture(kind: str, summary: Summary) -> None:
    with pytest.raises(ConfigError, match="nothing to draw"):
        render(summary, kind)
    assert render(interrupted(2).summary(), kind)
