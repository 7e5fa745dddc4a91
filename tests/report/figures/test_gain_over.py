"""Gains against a numeric setting: lines, panels, axes, and what theory adds."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.axes_of_gains import asks_for_log
from mtlrun.report.figures.gain_over import draw_gain_over
from mtlrun.report.formats.registry import render

RNG = np.random.default_rng(0)


def study(
    values: tuple[object, ...] = (50, 100, 200),
    mitigations: tuple[str, ...] = ("none",),
    tasks: tuple[str, ...] = ("a", "b"),
    key: str = "suite.train_size",
    **others: object,
) -> Summary:
    made = SyntheticStudy()
    for place, value in enumerate(values):
        stl = {task: RNG.normal(0.9, 0.01, 5) for task in tasks}
        for mitigation in mitigations:
            mtl = {task: stl[task] - 0.09 / (place + 1) + RNG.normal(0, 0.001, 5) for task in tasks}
            labels = {} if mitigation == "none" else {"mitigation": mitigation, "weighting": mitigation}
            made.add(stl, mtl, hyper={key: value, **others}, **labels)
    return made.summary()


def lines_of(axes: object) -> dict[str, tuple[list[float], list[float]]]:
    """Return what is drawn with error bars, by name: places and means."""
    found = {}
    for bars in axes.containers:  # type: ignore[attr-defined]
        line = bars.lines[0]
        found[bars.get_label()] = (list(line.get_xdata()), list(line.get_ydata()))
    return found


def test_one_panel_has_a_line_for_each_task_at_the_mean_gains() -> None:
    found = study()
    (axes,) = draw_gain_over(found).axes
    lines = lines_of(axes)
    assert list(lines) == ["a", "b"]
    for task, (places, means) in lines.items():
        rows = found.rows[found.rows["task"] == task]
        np.testing.assert_allclose(places, [50, 100, 200], rtol=0.02)
        np.testing.assert_allclose(means, rows["gain_pct"])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("suite.train_size", "gain in accuracy, % of STL")
    assert axes.get_xscale() == "log"  # each is twice the one before
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["50", "100", "200"]
    assert {text.get_text() for text in axes.texts} == {"← sharing hurts", "helps →"}


def test_where_tasks_and_mitigations_vary_a_panel_is_a_task_and_all_have_one_axis() -> None:
    figure = draw_gain_over(study(mitigations=("none", "pcgrad")))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["pair  a", "pair  b"]
    assert [list(lines_of(axes)) for axes in figure.axes] == [["none", "pcgrad"]] * 2
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    (one,) = draw_gain_over(study(mitigations=("none", "pcgrad"), tasks=("a",))).axes
    assert list(lines_of(one)) == ["none", "pcgrad"]


def test_other_settings_are_named_with_their_keys() -> None:
    made = SyntheticStudy()
    for width in (8, 16):
        for noise in (0.0, 0.5, 1.0):
            stl = {"a": RNG.normal(0.9, 0.01, 5)}
            hyper = {"model.width": width, "suite.label_noise": noise}
            made.add(stl, {"a": stl["a"] - 0.01}, hyper=hyper)
    found = made.summary()
    (axes,) = draw_gain_over(found, over="label_noise").axes
    assert list(lines_of(axes)) == ["width=8", "width=16"]
    assert axes.get_xscale() == "linear"
    with pytest.raises(ConfigError, match=r"several vary .choices: model\.width, suite\.label_noise"):
        draw_gain_over(found)
    with pytest.raises(ConfigError, match="numeric setting that varies in this study, found 'depth'"):
        render(found, "json", "gain_over", over="depth")


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ((1, 2, 4), True),
        ((1, 2, 3), False),
        ((0.01, 0.5), True),
        ((0, 1, 100), False),
        ((-1, 1), False),
        ((50, 400), False),
        ((10, 20, 30, 200), True),
        ((5,), False),
    ],
)
def test_the_axis_is_logarithmic_for_wide_or_geometric_values(values: tuple[float, ...], log: bool) -> None:
    assert asks_for_log(values) is log


def test_values_that_are_no_numbers_are_left_out_and_a_study_without_any_is_told_so() -> None:
    found = study(values=(50, None, 200))
    rows = list(csv.DictReader(io.StringIO(str(render(found, "csv", "gain_over")))))
    assert [row["at"] for row in rows] == ["50.0", "200.0"] * 2
    assert {row["over"] for row in rows} == {"suite.train_size"}
    words = study(values=("x", "y"))
    with pytest.raises(ConfigError, match="no numeric setting that varies"):
        render(words, "svg", "gain_over")
    assert str(render(words, "csv", "gain_over")).count("\n") == 1  # programs get an empty table


def test_people_get_a_short_table() -> None:
    page = str(render(study(mitigations=("none", "pcgrad")), "md", "gain_over"))
    assert "| task | cell | suite.train_size | gain % [95 %] | verdict |" in page
    assert page.count("| a | none | 50 |") == page.count("| b | pcgrad | 50 |") == 1


def test_theory_is_drawn_where_it_says_something() -> None:
    made = SyntheticStudy()
    expected = {}
    for cosine in (-0.5, 0.0, 0.5):
        stl = {"a": RNG.normal(2.0, 0.01, 5)}
        made.add(
            stl, {"a": stl["a"] - cosine}, metric="mse", direction="lower", hyper={"suite.cosine": cosine}
        )
        told = {"a": {"optimum": [2.0 - cosine] * 5, "expectation": 2.0 - cosine}}
        alone = {"a": {"optimum": [2.0] * 5, "expectation": 2.0}}
        expected[made.cells[-1]["cell_id"]] = {"mtl": told, "stl": alone}
    from mtlrun.report.analysis.summary import summarise

    found = summarise({**made.manifest(), "expected": expected}, made.runs(), made.curves())
    figure = draw_gain_over(found)
    (axes,) = figure.axes
    (theory,) = [line for line in axes.lines if str(line.get_label()).endswith("theory")]
    np.testing.assert_allclose(theory.get_ydata(), [-25.0, 0.0, 25.0], atol=1e-9)  # type: ignore[arg-type]
    assert theory.get_linestyle() == "--"
    assert "dashed: theory" in " ".join(figure.legends[0].get_title().get_text().split())
