"""Diagnostics, aggregates, attribution, variance: axes that can be read and compared."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.figures.aggregates import draw_aggregates
from mtlrun.report.figures.axes_of_gains import set_gain_scale
from mtlrun.report.figures.diagnostics import draw_diagnostics
from mtlrun.report.figures.variance import draw_variance
from mtlrun.report.figures.waterfall import draw_waterfalls

RNG = np.random.default_rng(2)


def recorded(*tasks: str) -> Summary:
    """Return two cells whose runs recorded cosines of 0.1 for each pair and weights 1, 2, ..."""
    made = SyntheticStudy()
    values = {task: [0.9, 0.91, 0.92] for task in tasks}
    made.add(values, values)
    made.add(values, values, mitigation="pcgrad", weighting="pcgrad")
    runs = made.runs()
    pairs = len(tasks) * (len(tasks) - 1) // 2
    one = {
        "steps": [50, 100],
        "active": [list(range(len(tasks)))] * 2,
        "weights": [[float(k + 1) for k in range(len(tasks))]] * 2,
        "gradient_cosines": [[0.1] * pairs] * 2,
    }
    runs["diagnostics"] = [one if "hard" in run_id else {} for run_id in runs["run_id"]]
    return summarise(made.manifest(), runs, made.curves())


def test_diagnostics_have_a_panel_for_each_cell_and_quantity() -> None:
    figure = draw_diagnostics(recorded("a", "b", "c"))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["pair  none", "pair  none", "pair  pcgrad", "pair  pcgrad"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["cosine of gradients", "weight"] * 2
    cosines, weights = figure.axes[:2]
    assert len(cosines.lines) == 1 + 3  # the line at 0, and a line for each pair
    assert cosines.get_ylim()[0] == -cosines.get_ylim()[1]
    assert [line.get_ydata().tolist() for line in weights.lines] == [[k, k] for k in (1.0, 2.0, 3.0)]  # type: ignore[union-attr]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["cosine: a, b", "cosine: a, c", "cosine: b, c", "weight: a", "weight: b", "weight: c"]


def test_one_quantity_can_be_drawn_into_given_axes() -> None:
    two = Figure().subplots(1, 2)
    drawn = draw_diagnostics(recorded("a", "b"), two, quantity="weights")
    assert drawn == list(two)
    assert all(axes.get_ylabel() == "weight" for axes in two)
    with pytest.raises(ConfigError, match="`quantity` must name what was recorded"):
        draw_diagnostics(recorded("a", "b"), quantity="cosines")


def benchmark(*effects: float) -> Summary:
    """Return several mitigations, one per mean effect, on two suites."""
    made = SyntheticStudy()
    for suite in ("one", "two"):
        stl = {task: RNG.normal(0.9, 0.002, 6) for task in "ab"}
        for place, effect in enumerate(effects):
            mtl = {
                task: values * (1 + effect / 100) + RNG.normal(0, 0.0005, 6) for task, values in stl.items()
            }
            name = "none" if not place else f"m{place}"
            labels = {} if not place else {"mitigation": name, "weighting": name}
            made.add(stl, mtl, suite=suite, **labels)
    return made.summary()


def test_gains_of_one_size_have_a_linear_axis() -> None:
    axes = draw_aggregates(benchmark(-0.5, -1.0, -1.5)).axes[0]
    assert axes.get_xscale() == "linear"
    assert axes.get_xlabel() == "gain over all suites, % of STL"


def test_a_far_gain_makes_the_axis_logarithmic_with_plain_ticks_on_the_way() -> None:
    axes = draw_aggregates(benchmark(-0.3, -0.4, -0.5, -0.6, -0.2, -30)).axes[0]
    assert axes.get_xscale() == "symlog"
    assert axes.get_xlabel().endswith("(logarithmic beyond 1 %)")
    labels = [tick.get_text() for tick in axes.get_xticklabels()]
    assert {"0", "-1", "-10"} <= set(labels)
    assert any(-10 < float(label) < -1 for label in labels)


def test_ticks_stand_apart() -> None:
    axes = Figure().subplots()
    axes.set_xlim(-1000, 1000)
    assert set_gain_scale(axes, [0.1, 0.1, 1000.0])
    at = axes.transScale.transform([(tick, 0) for tick in axes.get_xticks()])[:, 0]
    span = np.ptp(axes.transScale.transform([(-1000, 0), (1000, 0)])[:, 0])
    assert np.diff(at).min() >= 0.079 * span


def test_waterfalls_of_a_suite_have_one_axis() -> None:
    made = SyntheticStudy()
    for suite, loss in (("one", 0.01), ("two", 0.2)):
        stl = {task: RNG.normal(0.9, 0.002, 6) for task in "ab"}
        mtl = {"a": stl["a"] - loss, "b": stl["b"] - loss / 10}
        made.add(stl, mtl, suite=suite)
        made.cells[-1]["controls"] = {"capacity": made.cells[-1]["baselines"]}
    figure = draw_waterfalls(made.summary())
    limits = [axes.get_ylim() for axes in figure.axes]
    assert limits[0] == limits[1] != limits[2] == limits[3]
    assert {axes.get_ylabel() for axes in figure.axes} == {"accuracy, % of STL"}


def test_bars_of_variance_name_their_rows_with_their_settings() -> None:
    made = SyntheticStudy()
    for noise in (0.1, 0.9):
        stl = {"a": RNG.normal(0.9, 0.01, 5)}
        made.add(stl, {"a": stl["a"] + RNG.normal(0, 0.01, 5)}, hyper={"suite.label_noise": noise})
    axes = draw_variance(made.summary()).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "a  label_noise=0.1",
        "a  label_noise=0.9",
    ]
