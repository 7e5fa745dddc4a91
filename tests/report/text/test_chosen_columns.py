"""Columns that a reader asks for."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from support.synthetic_study import SyntheticStudy, realistic

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.registry import render
from mtlrun.report.text.chosen_columns import chosen_columns, chosen_row_blocks
from mtlrun.report.text.main_table import frame_block


@pytest.fixture(scope="module")
def summary() -> Summary:
    return realistic(4, ("hard", "branched")).summary()


def test_columns_come_in_the_order_asked_for(summary: Summary) -> None:
    first, _ = chosen_row_blocks(summary, ["mitigation", "gain", "task", "n_seeds", "weighting"])
    assert first.header == ["mitigation", "gain % [95 %]", "task", "n_seeds", "weighting"]
    rows = summary.rows[summary.rows["suite"] == "digits_permuted"]
    assert [line[2] for line in first.lines] == sorted(rows["task"], reverse=True)  # each line has its task
    assert {(line[0], line[4]) for line in first.lines} == set(
        zip(rows["mitigation"], rows["weighting"], strict=True)
    )
    assert {line[3] for line in first.lines} == {"4"}
    assert first.words[0][1] == rows["verdict"].iloc[0]
    assert not any(first.starts)


def test_groups_stay_where_the_task_comes_first(summary: Summary) -> None:
    first, _ = chosen_row_blocks(summary, ["task", "mitigation"])
    assert [line[0] for line in first.lines if line[0]] == ["upright", "permuted"]
    assert sum(first.starts) == 2


def test_settings_are_columns_by_either_name() -> None:
    study = SyntheticStudy()
    for width in (8, 16):
        study.add({"a": [0.9, 0.8]}, {"a": [0.8, 0.7]}, hyper={"model.width": width})
    for name in ("width", "model.width"):
        (block,) = chosen_row_blocks(study.summary(), ["task", name])
        assert [line[1] for line in block.lines] == ["8", "16"]


def test_other_tables_have_their_own_columns(summary: Summary) -> None:
    block = chosen_columns(frame_block(summary, "runs"), ["seed", "task"])
    assert block.header == ["seed", "task"]
    assert block.lines[0] == ["0", "upright"]


@pytest.mark.parametrize("name", ["terminal", "md", "latex"])
def test_formats_for_people_take_columns(summary: Summary, name: str) -> None:
    content = render(summary, name, columns=["task", "mitigation", "n_seeds"])
    assert isinstance(content, str)
    assert "seeds" in content
    assert "STL  " not in content.split("Verdicts")[0]
    with pytest.raises(
        ConfigError, match="`--columns` must name columns of the table, found 'gian'; did you mean gain"
    ):
        render(summary, name, columns=["task", "gian"])


def test_files_take_the_same_names(summary: Summary) -> None:
    csv = str(render(summary, "csv", columns=["task", "mitigation", "gain", "STL"]))
    assert csv.splitlines()[0] == "task,mitigation,gain_pct,stl_mean"
    page = str(render(summary, "html", columns=["task", "gain", "seed_low"]))
    headings = re.findall(r'<th scope="col"[^>]*><button type="button">([^<]*)', page.split("</table>")[0])
    assert headings == ["task", "gain % [95 %]", "seed_low"]
    for name in ("csv", "html"):
        with pytest.raises(ConfigError, match="must name columns of the table, found 'gian'"):
            render(summary, name, columns=["task", "gian"])


def test_a_column_of_one_value_can_be_wanted(summary: Summary) -> None:
    table = str(render(summary, "md", "runs", columns=["seed", "metric"]))
    assert "| seed | metric |" in table
    assert "| 0 | accuracy |" in table


@pytest.mark.parametrize("name", ["json", "svg"])
def test_others_do_not(summary: Summary, name: str) -> None:
    with pytest.raises(ConfigError, match=f"`--columns` must go with a table, found '{name}'"):
        render(summary, name, columns=["task"])


def test_rows_are_sorted_the_same_in_every_format(summary: Summary) -> None:
    gains = sorted(summary.rows["gain_pct"])
    for sort, wanted in (("gain", gains), ("gain:desc", gains[::-1])):
        csv = pd.read_csv(io.StringIO(str(render(summary, "csv", sort=sort))))
        np.testing.assert_allclose(csv["gain_pct"], wanted)
        rows = json.loads(str(render(summary, "json", sort=sort)))["rows"]
        np.testing.assert_allclose([row["gain_pct"] for row in rows], wanted)
        own = csv[csv["suite"] == csv["suite"].iloc[0]]
        lines = str(render(summary, sort=sort)).splitlines()[3 : 3 + len(own)]
        assert [line.split()[0] for line in lines] == own["task"].tolist()  # each line has its task
        assert [line.split()[2] for line in lines] == own["mitigation"].tolist()


def test_other_tables_are_sorted_by_what_they_show(summary: Summary) -> None:
    lines = str(render(summary, "md", "curves", sort="last MTL:desc", columns=["last MTL"])).splitlines()
    values = [float(line.strip("| ")) for line in lines if line.startswith("| 0.")]
    assert len(values) == len(summary.rows)
    assert values == sorted(values, reverse=True)
    csv = pd.read_csv(io.StringIO(str(render(summary, "csv", "runs", sort="d"))))
    assert csv["d"].is_monotonic_increasing


def test_settings_are_sorted_as_numbers_and_what_is_missing_comes_last() -> None:
    study = SyntheticStudy()
    for width in (16, 8, 128, None):
        study.add({"a": [0.9, 0.8]}, {"a": [0.8, 0.7]}, hyper={} if width is None else {"model.width": width})
    for sort, wanted in (("width", [8, 16, 128, None]), ("model.width:desc", [128, 16, 8, None])):
        rows = json.loads(str(render(study.summary(), "json", sort=sort)))["rows"]
        assert [row["hyper"].get("model.width") for row in rows] == wanted


def test_an_unknown_column_to_sort_by_and_a_picture_are_refused(summary: Summary) -> None:
    with pytest.raises(ConfigError, match="`--sort` must name columns of the table, found 'gian'"):
        render(summary, sort="gian:desc")
    with pytest.raises(ConfigError, match="`--sort` must name columns of the table, found 'early'"):
        render(summary, "md", "curves", sort="early")
    with pytest.raises(ConfigError, match="`--sort` needs a table, found 'svg'"):
        render(summary, "svg", sort="gain")
