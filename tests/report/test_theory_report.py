"""Measured against theory: figures worked out by hand, the table, the sentence, JSON."""

import json
from html import unescape

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.report.analysis.summary import summarise
from mtlrun.report.analysis.theory import THEORY_COLUMNS
from mtlrun.report.formats.registry import render

STL = [0.2, 0.4, 0.3]
MTL = [0.5, 0.7, 0.9]


def told(optimum, expectation):
    return {"optimum": optimum, "expectation": expectation}


def summary_of(expectation=0.8, **choices):
    study = SyntheticStudy()
    common = {"metric": "excess_risk", "direction": "lower", "seeds": [1, 4, 6]}
    study.add({"a": STL}, {"a": MTL}, **common, **choices)
    study.add({"a": STL}, {"a": STL}, **common, mitigation="l2", regularization="l2")
    known = study.cells[0]["cell_id"]
    entry = {"mtl": {"a": told([0.4, 0.7, 0.7], expectation)}, "stl": {"a": told([0.2, 0.4, 0.3], 0.25)}}
    manifest = study.manifest() | {"expected": {known: entry}}
    return summarise(manifest, study.runs(), study.curves())


def test_figures_by_hand():
    (row,) = summary_of().theory.to_dict("records")
    # Values 0.5, 0.7, 0.9: mean 0.7, deviation 0.2, standard error 0.2 / sqrt(3); gains -0.3, -0.3, -0.6.
    se = 0.2 / np.sqrt(3)
    expected = {
        "n_seeds": 3,
        "mtl_mean": 0.7,
        "mtl_se": se,
        "mtl_optimum": 0.6,
        "mtl_expectation": 0.8,
        "stl_mean": 0.3,
        "stl_optimum": 0.3,
        "diff": -0.4,
        "diff_se": np.sqrt(0.03) / np.sqrt(3),
        "diff_optimum": -0.3,
        "diff_expectation": -0.55,
        "off_se": 0.1 / se,
        "off_pct": 100 / 6,
        "stl_off_se": 0,
        "expectation_off_se": -0.1 / se,
        "expectation_off_pct": -12.5,
    }
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, abs=1e-12), name
    assert row["sign"] == "right"  # 0.55 is above three standard errors of 0.1


def test_seeds_without_both_runs_count_on_neither_side():
    (row,) = summary_of(status={4: "missing"}).theory.to_dict("records")
    assert row["n_seeds"] == 2
    assert (row["mtl_mean"], row["mtl_optimum"]) == pytest.approx((0.7, 0.55))


def test_a_gain_that_is_not_clear_has_no_sign():
    (row,) = summary_of(expectation=0.3).theory.to_dict("records")
    assert row["sign"] is None
    (row,) = summary_of(expectation=None).theory.to_dict("records")
    assert row["sign"] is None  # by the optimum then: -0.3, three standard errors and not above
    (row,) = summary_of(expectation=0.1).theory.to_dict("records")
    assert row["sign"] is None
    (row,) = summary_of(expectation=-0.1).theory.to_dict("records")
    assert row["sign"] == "wrong"


def test_only_the_known_cell_has_a_row_and_json_has_it():
    page = json.loads(render(summary_of(), "json"))
    assert [(r["mitigation"], list(r)) for r in page["theory"]] == [("none", list(THEORY_COLUMNS))]
    assert len(page["rows"]) == 2
    assert len(json.loads(render(summary_of(), "json", "theory"))["theory"]) == 1
    assert json.loads(render(summary_of(expectation=None), "json"))["theory"][0]["mtl_expectation"] is None


@pytest.mark.parametrize("name", ("terminal", "md", "html"))
def test_people_read_it(name):
    text = render(summary_of(), name)
    assert "Measured against theory: gains" in text
    assert "right" in text
    flat = " ".join(text.split())
    assert "0.87 standard errors from the seeds' own optimum" in unescape(flat)


def test_studies_that_theory_knows_nothing_of_say_nothing():
    study = SyntheticStudy()
    study.add({"a": STL}, {"a": MTL})
    summary = study.summary()
    assert summary.theory.empty
    assert list(summary.theory.columns) == list(THEORY_COLUMNS)
    assert "theory" not in render(summary, "terminal")
