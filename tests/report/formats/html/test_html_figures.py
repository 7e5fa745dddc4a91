"""Figures of the page that need a trained study: attribution and fronts; and those of costs and variances."""

from __future__ import annotations

import json
import re

import pytest
from support.commands import mtlrun, tiny

from mtlrun.report.analysis.attribution import WHOLE
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.formats.html.attribution import attributions
from mtlrun.report.formats.html.cost_against_gain import costs_against_gains
from mtlrun.report.formats.html.figure import Figure, literal, numbers
from mtlrun.report.formats.html.forest_plot import forest_plots
from mtlrun.report.formats.html.pareto_front import pareto_fronts
from mtlrun.report.formats.html.variance_shares import variance_shares
from mtlrun.store.store import Store


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    store = tmp_path_factory.mktemp("figures")
    extras = ("suite=digits_two", "mitigation=none,pcgrad", "controls=[capacity,shuffled]", "frontier=3")
    assert mtlrun("run", *tiny(store, *extras)).code == 0
    stored = Store(store)
    return summarise(stored.read_study("main"), stored.runs(), stored.curves(), stored.scores())


def checked(figures: list[Figure]) -> list[Figure]:
    """Return figures that plotly takes."""
    from plotly.graph_objects import Figure as PlotlyFigure

    for figure in figures:
        text = re.sub(r'"--[a-z0-9-]+(/[0-9.]+)?"', '"#123456"', json.dumps(figure.plain(), allow_nan=False))
        PlotlyFigure(data=json.loads(text)["data"], layout=json.loads(text)["layout"])
    return figures


def test_attribution_has_every_part_of_every_row(summary: Summary) -> None:
    (figure,) = checked(attributions(summary))
    assert [trace["name"] for trace in figure.data] == list(dict.fromkeys(summary.attribution["part"]))
    assert figure.data[-1]["name"] == WHOLE
    whole = summary.attribution[summary.attribution["part"] == WHOLE]
    assert sorted(figure.data[-1]["x"]) == pytest.approx(sorted(whole["gain_pct"]), rel=1e-4)
    labels = figure.layout["yaxis"]["ticktext"]
    assert labels == ["left  none", "left  pcgrad", "right  none", "right  pcgrad"]


def test_a_front_has_its_points_and_every_mitigation(summary: Summary) -> None:
    (figure,) = checked(pareto_fronts(summary))
    points = [trace for trace in figure.data if trace["name"].startswith("fixed weights")]
    assert sum(len(trace["x"]) for trace in points) == 3
    others = [trace for trace in figure.data if trace not in points]
    assert [trace["name"] for trace in others] == ["none", "pcgrad"]
    rows = summary.rows.set_index(["mitigation", "task"])["gain_pct"]
    assert others[1]["x"] == pytest.approx([rows["pcgrad", "left"]], rel=1e-4)
    assert others[1]["y"] == pytest.approx([rows["pcgrad", "right"]], rel=1e-4)


def test_cost_and_gain_are_those_of_the_cell(summary: Summary) -> None:
    (figure,) = checked(costs_against_gains(summary))
    assert [trace["name"] for trace in figure.data] == ["none", "pcgrad"]
    assert [trace["x"][0] for trace in figure.data] == pytest.approx(list(summary.cost["wall_s"]), rel=1e-4)
    assert [trace["y"][0] for trace in figure.data] == pytest.approx(
        list(summary.suites["delta_m"]), rel=1e-4
    )


def test_shares_of_variance_add_up(summary: Summary) -> None:
    (figure,) = checked(variance_shares(summary))
    totals = [sum(parts) for parts in zip(*(trace["x"] for trace in figure.data), strict=True)]
    assert totals == pytest.approx([100.0] * len(totals), abs=0.1)
    assert figure.data[0]["ids"] == figure.layout["yaxis"]["tickvals"]


def test_the_forest_colours_points_by_verdict(summary: Summary) -> None:
    (figure,) = checked(forest_plots(summary))
    assert {trace["name"] for trace in figure.data} == set(summary.rows["verdict"])
    for trace in figure.data:
        assert trace["marker"]["color"] == f"--{trace['name']}"
        for number, x, up in zip(trace["ids"], trace["x"], trace["error_x"]["array"], strict=True):
            row = summary.rows.loc[int(number)]
            assert x == pytest.approx(row["gain_pct"], rel=1e-4)
            if not figure.layout["xaxis"].get("tickvals"):
                assert x + up == pytest.approx(row["ci_high"], rel=1e-3)


def test_texts_are_literal_and_numbers_short() -> None:
    assert literal("<b>a & b</b>") == "&lt;b&gt;a &amp; b&lt;/b&gt;"
    assert numbers([1.23456789, float("nan"), None, 7]) == [1.23457, None, None, 7.0]
