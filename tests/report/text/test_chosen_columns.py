"""Columns that a reader asks for."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", ["json", "csv", "html", "svg"])
def test_others_do_not(summary: Summary, name: str) -> None:
    with pytest.raises(ConfigError, match=f"`--columns` must go with a format for people, found '{name}'"):
        render(summary, name, columns=["task"])
