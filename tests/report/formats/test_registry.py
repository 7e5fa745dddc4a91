from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.synthetic_study import SyntheticStudy, realistic

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.rows import ROW_COLUMNS
from mtlrun.report.analysis.summary import Summary, changed, later
from mtlrun.report.formats.registry import FORMATS, render, report_format
from mtlrun.report.levels import LEVELS


@pytest.fixture(scope="module")
def summary() -> Summary:
    return realistic(8, ("hard", "branched")).summary()


@pytest.fixture(scope="module")
def awkward() -> Summary:
    """Names that every format must escape, a diverged seed, an untrained cell, a metric without percentages."""
    rng = np.random.default_rng(0)
    study = SyntheticStudy("<b>&$")
    stl = {"=1+1|x": rng.normal(0.9, 0.01, 6), "[red]_a_{%&}": rng.normal(0.9, 0.01, 6)}
    mtl = {task: values - 0.03 for task, values in stl.items()}
    study.add(stl, mtl, suite="[bold]<i>", status={0: "diverged"}, hyper={"model.width": 16})
    study.add(
        stl, mtl, suite="[bold]<i>", status=dict.fromkeys(range(6), "missing"), hyper={"model.width": 64}
    )
    study.add({"r": rng.normal(0.5, 0.1, 6)}, {"r": rng.normal(0.5, 0.1, 6)}, suite="fit", metric="r2")
    return study.summary()


def text(summary: Summary, *arguments: Any, **options: Any) -> str:
    found = render(summary, *arguments, **options)
    assert isinstance(found, str)
    return found


EMPTY = (
    "contrasts",
    "aggregates",
    "attribution",
    "frontier",
    "front_gains",
    "theory",
    "phases",
    "layers",
    "matrix",
    "matrix",
)
"""Tables that awkward results do not have: people are told why, programs get an empty table."""


@pytest.mark.sample(4)
@pytest.mark.parametrize("level", list(LEVELS))
@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_writes_every_level_of_awkward_results(name: str, level: str, awkward: Summary) -> None:
    if level not in FORMATS[name].levels:
        with pytest.raises(ConfigError, match="--level"):
            render(awkward, name, level)
        return
    if name not in ("json", "csv", "parquet") and level in EMPTY:
        why = LEVELS[level].lacking or f"has nothing for `--level {level}`"
        with pytest.raises(ConfigError, match=re.escape(f"the study {why}")):
            render(awkward, name, level)
        return
    if FORMATS[name].drawn and level == "diagnostics":  # which has overfitting gaps of every run
        with pytest.raises(ConfigError, match="nothing to draw: no run has recorded gradients"):
            render(awkward, name, level)
        return
    content = render(awkward, name, level)
    assert len(content) > 40
    assert content == render(awkward, name, level)


def test_a_table_that_filters_leave_empty_is_told_so(summary: Summary) -> None:
    with pytest.raises(ConfigError, match="no row of `--level contrasts` fits `--filter`"):
        render(summary, "terminal", "contrasts", {"mitigation": "none"})


@pytest.mark.parametrize(
    ("given", "output", "meant"),
    [
        (None, None, "terminal"),
        (None, "some/mine.png", "png"),
        (None, "mine.MD", "md"),
        (None, "paper.tex", "latex"),
        (None, "mine.log", "terminal"),
        (None, "mine", "terminal"),
        ("csv", "mine.png", "csv"),
    ],
)
def test_the_ending_of_a_file_names_its_format(given: str | None, output: str | None, meant: str) -> None:
    assert report_format(given, output) == meant


def test_an_ending_without_a_format_is_refused() -> None:
    for name in ("mine.xlsx", "mine.feather", "mine.eps"):
        with pytest.raises(ConfigError, match=r"`--output` must be a file whose ending .* \.parquet"):
            report_format(None, name)
    assert report_format("md", "mine.eps") == "md"


def test_json_is_the_contract(summary: Summary) -> None:
    page = json.loads(text(summary, "json"))
    assert list(page) == [
        "schema_version",
        "study",
        "rows",
        "contrasts",
        "suites",
        "aggregates",
        "attribution",
        "frontier",
        "front_gains",
        "cost",
        "theory",
        "statistics",
        "about",
        "looks",
        "made_with",
        "sentences",
    ]
    assert (page["schema_version"], page["study"]) == (1, "quickstart")
    assert list(page["rows"][0]) == list(ROW_COLUMNS)
    assert len(page["rows"]) == 48
    assert isinstance(page["rows"][0]["gain_pct"], float)
    assert isinstance(page["rows"][0]["n_seeds"], int)


def test_json_has_null_and_never_nan(awkward: Summary) -> None:
    content = text(awkward, "json")
    rows = json.loads(content, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))["rows"]
    untrained = next(row for row in rows if row["n_seeds"] == 0)
    assert untrained["gain_pct"] is None
    assert untrained["seeds_needed"] is None
    assert untrained["hyper"] == {"model.width": 64}
    assert next(row for row in rows if row["metric"] == "r2")["ci_low"] is None


def test_json_levels_hold_values_per_seed_and_over_training(summary: Summary) -> None:
    runs = json.loads(text(summary, "json", "runs"))["runs"]
    assert len(runs) == 48 * 8
    assert {"seed", "stl", "mtl", "d", "step", "stl_step", "run_id"} <= set(runs[0])
    assert runs[0]["d"] == pytest.approx(runs[0]["mtl"] - runs[0]["stl"])
    only = {"task": "upright", "mitigation": "none", "sharing": "hard"}
    curves = json.loads(text(summary, "json", "curves", only))["curves"]
    assert len(curves) == 8 * 2 * 3 * 2  # seeds, sides, splits, steps
    assert {point["side"] for point in curves} == {"mtl", "stl"}


def test_csv_and_parquet_hold_the_same_columns(summary: Summary) -> None:
    parquet = pd.read_parquet(io.BytesIO(render(summary, "parquet")))  # type: ignore[arg-type]
    table = pd.read_csv(io.StringIO(text(summary, "csv")))
    assert list(parquet) == list(table) == list(ROW_COLUMNS)
    np.testing.assert_allclose(parquet["gain_pct"], table["gain_pct"])
    np.testing.assert_allclose(parquet["gain_pct"], summary.rows["gain_pct"])


def test_csv_neutralises_formulas_in_text_but_not_numbers(awkward: Summary) -> None:
    rows = list(csv.DictReader(io.StringIO(text(awkward, "csv"))))
    assert rows[0]["task"] == "'=1+1|x"
    assert rows[0]["gain_pct"].startswith("-")
    assert rows[0]["hyper"] == '{"model.width": 16}'
    assert next(row for row in rows if row["n_seeds"] == "0")["gain_pct"] == ""


def test_filters_never_change_the_statistics(summary: Summary) -> None:
    every = json.loads(text(summary, "json"))["rows"]
    only = {"task": "even", "sharing": "branched"}
    some = json.loads(text(summary, "json", filters=only))
    assert some["rows"] == [row for row in every if row["task"] == "even" and row["sharing"] == "branched"]
    assert {row["mitigation"] for row in some["contrasts"]} >= {"pcgrad", "l2"}
    assert all(row["task"] == "even" for row in some["contrasts"])
    assert len(some["suites"]) == len(some["cost"]) == 6


def test_settings_can_be_filtered(awkward: Summary) -> None:
    rows = json.loads(text(awkward, "json", filters={"model.width": "64"}))["rows"]
    assert [row["hyper"] for row in rows] == [{"model.width": 64}] * 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"format_name": "jsn"}, "`--format` must name a format, found 'jsn'; did you mean json?"),
        ({"level": "run"}, "did you mean runs"),
        ({"filters": {"taks": "even"}}, "did you mean task?"),
        ({"filters": {"task": "evne"}}, "did you mean even?"),
        ({"filters": {"task": "evne", "sharing": "soft"}}, "2 faults"),
        ({"filters": {"task": "even", "suite": "digits_permuted"}}, "no row fits all of"),
    ],
)
def test_bad_requests(arguments: dict[str, Any], told: str, summary: Summary) -> None:
    with pytest.raises(ConfigError) as caught:
        render(summary, **arguments)
    assert told in str(caught.value)


def test_markdown_escapes(awkward: Summary) -> None:
    content = text(awkward, "md")
    assert "=1+1\\|x" in content
    assert "\\<i>" in content
    assert "[red]\\_a\\_{%&}" in content
    assert "\\_" not in content.replace("\\_a\\_", "")  # inside a word no mark is needed
    table = [line for line in content.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in table[:5]}) == 1


def test_latex_escapes(awkward: Summary) -> None:
    content = text(awkward, "latex")
    assert r"[red]\_a\_\{\%\&\}" in content
    assert content.count(r"\begin{table*}") == content.count(r"\end{table*}") == 2


def test_svg_is_the_same_every_time_and_undated(summary: Summary) -> None:
    one, two = render(summary, "svg"), render(summary, "svg")
    assert one == two
    assert isinstance(one, bytes)
    assert b"<dc:date>" not in one
    ElementTree.fromstring(one)


def test_tall_pictures_stay_below_the_most_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    study = SyntheticStudy()
    stl = {"a": [0.9, 0.91]}
    for width in range(40):
        study.add(stl, stl, hyper={"model.width": width})
    monkeypatch.setattr("mtlrun.report.formats.pictures._MOST_PIXELS", 800)
    content = render(study.summary(), "png")
    assert isinstance(content, bytes)
    assert 700 <= int.from_bytes(content[20:24], "big") <= 800


def test_importing_reports_and_gate_never_imports_torch_or_matplotlib() -> None:
    code = (
        "import sys, mtlrun.report.formats.registry, mtlrun.report.analysis.summary, mtlrun.gate;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'rich.table')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("filters", [{}, {"task": "even"}])
def test_a_page_makes_no_table_that_it_does_not_show(filters: dict[str, str], summary: Summary) -> None:
    def asked() -> Any:
        raise AssertionError("nobody sees it")

    whole = changed(summary, curves=later(asked), diagnostics=later(asked), recorded=later(asked))
    sort = "gain" if filters else None
    assert "even" in render(whole, filters=filters, sort=sort)
    with pytest.raises(AssertionError, match="nobody"):
        render(whole, level="curves")
