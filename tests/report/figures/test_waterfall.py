from __future__ import annotations

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.figures.waterfall import draw_waterfalls
from mtlrun.report.formats.registry import render

STL = {"a": np.random.default_rng(0).normal(0.9, 0.01, 5)}
MTL = {"a": STL["a"] - 0.02}


def with_controls(*suites: str, **options: object) -> SyntheticStudy:
    """Studies whose control of capacity is as the baseline is."""
    study = SyntheticStudy()
    for suite in suites:
        study.add(STL, MTL, suite=suite, **options)  # type: ignore[arg-type]
        study.cells[-1]["controls"] = {"capacity": study.cells[-1]["baselines"]}
    return study


def test_the_picture_names_its_suite_once() -> None:
    one = draw_waterfalls(with_controls("pair").summary())
    assert one.get_suptitle() == "pair"
    assert [axes.get_title(loc="left") for axes in one.axes] == ["a"]
    two = draw_waterfalls(with_controls("pair", "other").summary())
    assert two.get_suptitle() == ""
    assert [axes.get_title(loc="left") for axes in two.axes] == ["pair  a", "other  a"]


def test_without_baselines_nothing_is_drawn_or_given_a_unit_of_the_metric() -> None:
    summary = with_controls("pair", stl_status=dict.fromkeys(range(5), "missing")).summary()
    with pytest.raises(ConfigError, match="nothing to draw"):
        render(summary, "svg", "attribution")
    page = render(summary, "md")
    assert isinstance(page, str)
    assert "in % of STL, ±" in page
    assert "in units of the metric" not in page


def test_a_part_between_the_same_runs_is_exactly_nothing() -> None:
    table = with_controls("pair").summary().attribution.set_index("part")
    assert table.loc["capacity", ["diff", "diff_low", "diff_high", "ci_low", "ci_high"]].tolist() == [0.0] * 5
    assert table.loc["gain", "diff"] == pytest.approx(-0.02)
    page = render(with_controls("pair").summary(), "md")
    assert "0.00 ±0.00" in page
    assert "0 with an interval of 0: both sides are the same runs" in page
