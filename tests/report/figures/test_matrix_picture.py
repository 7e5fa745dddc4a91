"""Which task helps which: the table, its text and its picture, and how pairs are counted."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.matrix import draw_matrix
from mtlrun.report.formats.registry import render

RNG = np.random.default_rng(1)
EFFECT = {
    ("a", "b"): -0.05,
    ("a", "c"): 0.05,
    ("b", "a"): -0.05,
    ("b", "c"): 0.0,
    ("c", "a"): 0.0,
    ("c", "b"): 0.0,
}


def pairs(*mitigations: str, tasks: str = "abc") -> Summary:
    """Return every pair of the tasks of one suite; the first is the suite's default, and named so."""
    made = SyntheticStudy()
    alone = {task: RNG.normal(0.9, 0.003, 6) for task in tasks}
    for one, other in itertools.combinations(tasks, 2):
        suite = "s" if (one, other) == ("a", "b") else f"s[{one}+{other}]"
        for mitigation in mitigations or ("none",):
            mtl = {
                task: alone[task] + EFFECT[task, partner] + RNG.normal(0, 0.001, 6)
                for task, partner in ((one, other), (other, one))
            }
            labels = {} if mitigation == "none" else {"mitigation": mitigation, "weighting": mitigation}
            made.add({t: alone[t] for t in mtl}, mtl, suite=suite, **labels)
    return made.summary()


def test_rows_are_judged_tasks_and_columns_their_partners() -> None:
    rows = json.loads(str(render(pairs(), "json", "matrix")))["matrix"]
    assert {(row["task"], row["partner"]) for row in rows} == set(EFFECT)
    assert {row["suite"] for row in rows} == {"s"}
    verdicts = {(row["task"], row["partner"]): row["verdict"] for row in rows}
    assert verdicts["a", "b"] == "negative" and verdicts["a", "c"] == "positive"


def test_people_get_one_table() -> None:
    page = str(render(pairs(), "md", "matrix"))
    assert "| task | a | b | c |" in page
    line = next(line for line in page.splitlines() if line.startswith("| a |"))
    assert line.split("|")[2].strip() == "-"
    assert line.split("|")[3].strip().startswith("▼ -5.")
    assert line.split("|")[4].strip().startswith("▲ +5.")
    two = str(render(pairs("none", "pcgrad"), "md", "matrix"))
    assert "| cell | task | a | b | c |" in two
    assert two.count("| pcgrad | a |") == 1


def test_the_picture_has_a_number_and_a_sign_in_each_cell_and_one_scale() -> None:
    figure = draw_matrix(pairs("none", "pcgrad"))
    panels = figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in panels] == ["s  none", "s  pcgrad"]
    for axes in panels:
        assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b", "c"]
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b", "c"]
        assert len(axes.texts) == 6
        assert sum(text.get_text().startswith("▼") for text in axes.texts) == 2
        assert axes.images[0].get_clim() == panels[0].images[0].get_clim()
        low, high = axes.images[0].get_clim()
        assert low == -high
    assert "sharing hurts" in figure.axes[-1].get_ylabel()


def test_a_suite_with_one_goal_has_its_helpers_as_columns() -> None:
    made = SyntheticStudy()
    for helper in "bcd":
        stl = {"a": RNG.normal(0.9, 0.003, 6)}
        made.add(stl, {"a": stl["a"] - 0.01}, suite=f"s[a+{helper}]")
        made.cells[-1]["config"] = {"suite": {"tasks": ["a", helper]}}
        made.cells[-1]["cell_id"] += helper
    (axes, _) = draw_matrix(made.summary()).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["b", "c", "d"]


def test_without_several_partners_there_is_no_matrix() -> None:
    with pytest.raises(ConfigError, match=r"suite\.pairs=all"):
        render(pairs(tasks="ab"), "svg", "matrix")
    with pytest.raises(ConfigError, match=r"suite\.pairs=all"):
        draw_matrix(pairs(tasks="ab"))


def test_tasks_of_pairs_are_counted_once() -> None:
    page = " ".join(str(render(pairs())).split())
    assert "Without mitigation, sharing hurt 2 of 6 cases (3 tasks in 3 pairs), helped 1" in page
    assert "of 2 tasks, helped" in " ".join(str(render(pairs(tasks="ab"))).split())
