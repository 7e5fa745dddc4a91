"""Learning curves: panels, lines, bands and selected checkpoints."""

from __future__ import annotations

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.bands import mean_band
from mtlrun.report.figures.curves import draw_curves
from mtlrun.report.formats.registry import render

STL = {"a": [0.90, 0.92, 0.94], "b": [0.80, 0.80, 0.83]}
MTL = {"a": [0.85, 0.87, 0.89], "b": [0.82, 0.84, 0.86]}


def study(*widths: int, early: float | None = 0.1) -> Summary:
    made = SyntheticStudy()
    made.early = early
    for width in widths or (16,):
        made.add(STL, MTL, hyper={"model.width": width} if len(widths) > 1 else {})
    return made.summary()


def test_a_panel_for_each_task_has_both_sides_on_validation_and_test() -> None:
    figure = draw_curves(study())
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]
    assert figure.get_suptitle() == "Learning curves: pair"
    axes = figure.axes[0]
    solid = [line for line in axes.lines if line.get_linestyle() == "-"]
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert len(solid) == len(dashed) == 2
    for line, values in zip(solid, (STL["a"], MTL["a"]), strict=True):
        assert list(line.get_xdata()) == [50, 100]  # type: ignore[arg-type]
        np.testing.assert_allclose(line.get_ydata(), [np.mean(values) - 0.1, np.mean(values)])  # type: ignore[arg-type]
    assert axes.get_ylabel() == "accuracy"
    assert [axes.get_xlabel() for axes in figure.axes] == ["step", "step"]
    told = " ".join(figure.legends[0].get_title().get_text().split())
    assert (
        told
        == "Mean over seeds with 95 % band on validation; dashed: test; accuracy (higher is better); 3 seeds."
    )


def test_circles_stand_at_the_selected_checkpoints() -> None:
    axes = draw_curves(study()).axes[0]
    circles = axes.collections[-1]
    np.testing.assert_allclose(circles.get_offsets(), [[100, np.mean(MTL["a"])]])
    assert circles.get_sizes().tolist() == [36.0]  # type: ignore[attr-defined]


def test_panels_of_one_task_stand_together_and_have_one_axis() -> None:
    figure = draw_curves(study(8, 16))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "a  width=8",
        "a  width=16",
        "b  width=8",
        "b  width=16",
    ]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim() != figure.axes[2].get_ylim()


def test_more_panels_than_a_page_holds_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"40 panels, one for each task and cell, .* choose with `--filter`"
    ):
        render(study(*range(20)), "svg", "curves")
    assert render(study(*range(20)), "svg", "curves", {"task": "a", "width": "3"})


def test_a_band_is_students_interval_over_seeds() -> None:
    import pandas as pd

    values = pd.DataFrame({"step": [1, 1, 1, 2], "value": [1.0, 2.0, 3.0, 5.0]})
    band = mean_band(values, ["step"])
    assert band["mean"].tolist() == [2.0, 5.0]
    assert band["n"].tolist() == [3, 1]
    np.testing.assert_allclose(
        band["high"].iloc[0] - 2.0, 4.302653 / 3**0.5, rtol=1e-6
    )  # t of 2 degrees, sd 1
    assert np.isnan(band["low"].iloc[1])
