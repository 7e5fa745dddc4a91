from __future__ import annotations

import json
import re

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy, realistic

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.aggregates import draw_settings
from mtlrun.report.formats.json_format import to_json
from mtlrun.report.formats.registry import render
from mtlrun.report.tables import filtered

N = 12
RNG = np.random.default_rng(18)


@pytest.fixture(scope="module")
def summary() -> Summary:
    return realistic(N, ("hard", "branched")).summary()


def pairs(names: list[str]) -> SyntheticStudy:
    """Return a study of suites with the same values, each with baselines of its own."""
    study = SyntheticStudy()
    stl = {"a": 0.9 + 0.02 * RNG.standard_normal(N)}
    mtl = {"a": stl["a"] - 0.009 + 0.01 * RNG.standard_normal(N)}
    for name in names:
        study.add(stl, mtl, suite=name)
    return study


def test_one_line_for_each_setting_over_its_suites(summary: Summary) -> None:
    found = summary.aggregates
    assert len(found) == 2 * 6
    assert (found[["n_suites", "n_tasks", "n_seeds"]] == [2, 4, N]).all(axis=None)
    first = found.iloc[0]
    rows = summary.rows[(summary.rows["mitigation"] == "none") & (summary.rows["sharing"] == "hard")]
    assert first["mean_gain"] == pytest.approx(rows["gain_pct"].mean())
    assert first["mean_gain_low"] < first["mean_gain"] < first["mean_gain_high"]
    assert first["iqm_gain_low"] < first["iqm_gain"] < first["iqm_gain_high"]
    assert found["mean_rank"].mean() == pytest.approx(6.5)
    shares = list(first["profile"].values())
    assert shares == sorted(shares, reverse=True)


def test_a_study_of_one_suite_has_none() -> None:
    found = pairs(["one"]).summary()
    assert found.aggregates.empty
    assert json.loads(to_json(found))["aggregates"] == []
    assert "All suites" not in render(found)


def test_the_picture_names_every_setting_best_first(summary: Summary) -> None:
    picture = render(summary, "svg", "aggregates")
    assert isinstance(picture, bytes)
    names = [f"{row.sharing}  {row.mitigation}" for row in summary.aggregates.itertuples()]
    found = summary.aggregates.assign(name=names).sort_values("mean_gain", ascending=False)["name"].tolist()
    labels = re.findall("<!-- (hard|branched)  (\\w+) -->", picture.decode())
    assert ["  ".join(label) for label in labels] == 2 * found  # beside the gains, then in the legend
    figure = draw_settings(summary.aggregates, None, "wide")
    for line, name in zip(figure.axes[1].lines, found, strict=False):
        profile = summary.aggregates["profile"].iloc[names.index(name)]
        assert line.get_ydata().tolist() == [profile[bound] for bound in sorted(profile, key=float)]  # type: ignore[union-attr]


def test_suites_that_share_baselines_are_drawn_together() -> None:
    """Errors of two equal suites cancel by sqrt(2) where they are drawn apart; together they do not."""

    def width(study: SyntheticStudy) -> float:
        found = study.summary().aggregates.iloc[0]
        assert found["n_suites"] == 2
        return float(found["mean_gain_high"] - found["mean_gain_low"])

    study = pairs(["one", "two"])
    apart = width(study)
    study.cells[1]["baselines"] = study.cells[0]["baselines"]
    assert width(study) / apart == pytest.approx(np.sqrt(2), rel=0.1)


def test_filters_choose_settings_and_leave_the_tasks_together(summary: Summary) -> None:
    kept = filtered(summary, {"mitigation": "pcgrad", "task": "upright"}).aggregates
    assert kept["mitigation"].tolist() == ["pcgrad", "pcgrad"]
    assert kept["n_tasks"].tolist() == [4, 4]


@pytest.mark.parametrize("name", ["terminal", "md", "html"])
def test_people_see_them(summary: Summary, name: str) -> None:
    text = str(render(summary, name))
    assert "All suites together" in text
    assert "4 in 2" in text


@pytest.mark.parametrize("name", ["terminal", "csv", "parquet", "json", "md"])
def test_they_are_a_level_of_their_own(summary: Summary, name: str) -> None:
    assert render(summary, name, "aggregates")


def skewed_study(seeds: int, **statistics: str) -> Summary:
    study = SyntheticStudy(**statistics)
    rng = np.random.default_rng(1)
    stl = {task: 1 + 0.01 * rng.standard_normal(seeds) for task in "abcdef"}
    mtl = {task: values + 0.1 * rng.lognormal(size=seeds) for task, values in stl.items()}
    study.add(stl, mtl)
    return study.summary()


def test_skewed_rows_are_warned_of_with_the_seeds_that_mend_it() -> None:
    found = skewed_study(20)
    assert found.rows["skewed"].sum() >= 5
    assert (found.rows["skew_seeds"].dropna() > 20).any()
    text = " ".join(str(render(found)).split())
    assert (
        "rows have clearly skewed differences (tasks a, b, c, d, ...): p-values are too small below" in text
    )
    page = json.loads(to_json(found))["rows"][0]
    assert page["skewed"] in (True, False)


def test_more_seeds_do_not_mend_what_is_not_about_the_mean() -> None:
    found = skewed_study(20, method="wilcoxon")
    assert found.rows["skew_seeds"].isna().all()
    assert "p-values are too small here, and more seeds will not fix it" in " ".join(
        str(render(found)).split()
    )


def test_symmetric_rows_are_not_warned_of(summary: Summary) -> None:
    assert not summary.rows["skewed"].fillna(False).any()
    assert "skewed" not in render(summary)


def test_rows_that_cannot_tell_are_null() -> None:
    study = SyntheticStudy()
    stl = {"a": np.linspace(0.8, 0.9, 5)}
    study.add(stl, {"a": stl["a"] + np.array([0.01, 0.02, 0.03, 0.01, 0.04])})
    row = json.loads(to_json(study.summary()))["rows"][0]
    assert row["skewed"] is None
    assert row["skew_seeds"] is None
