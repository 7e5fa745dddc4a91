"""Tables fit a terminal: no number is broken, no line too long, and what is left out is said."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from support.synthetic_study import SyntheticStudy, realistic

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.fitting import fitted_block
from mtlrun.report.formats.terminal import Style, to_terminal
from mtlrun.report.text.main_table import GAIN, Block, plain_block

NUMBER = re.compile(r"[-+]?\d+\.\d+")


@pytest.fixture(scope="module")
def summary() -> Summary:
    return realistic(6, ("hard", "branched")).summary()


@pytest.mark.sample(3)
@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize(
    "level", ["rows", "runs", "curves", "contrasts", "suites", "cost", "variance", "diagnostics"]
)
def test_no_line_is_too_long_and_no_number_is_broken(summary: Summary, width: int, level: str) -> None:
    text = to_terminal(summary, level, Style(width, fits=True))
    assert max(map(cell_len, text.splitlines())) <= width
    whole = set(NUMBER.findall(to_terminal(summary, level, Style(1000, fits=True))))
    table = text.split("\n\n")[0]  # whose sentences are broken elsewhere
    assert set(NUMBER.findall(table)) <= whole
    if level in ("runs", "cost"):
        assert "Left out for lack of width: " in text.replace("\n", " ")
        assert "--columns A,B others, --format csv all" in text.replace("\n", " ")


def test_files_and_pipes_have_every_column(summary: Summary) -> None:
    text = to_terminal(summary, "runs", Style(60))
    assert "stl_run_id" in text
    assert "Left out" not in text


def test_settings_that_tell_rows_apart_stay_longer_than_intervals() -> None:
    study = SyntheticStudy()
    for width in (8, 16):
        for lr in (0.01, 0.1):
            study.add(
                {"a": [0.9, 0.8, 0.7]},
                {"a": [0.8, 0.7, 0.65]},
                hyper={"model.width": width, "optimizer.lr": lr},
            )
    lines = to_terminal(study.summary(), style=Style(30)).splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith("task"))
    assert lines[begin].split() == ["task", "width", "lr", "gain", "%"]
    assert lines[begin + 2].split()[-1] == "?"
    told = " ".join(lines)
    assert "standard deviations, p, STL, MTL, seeds, words of verdicts, intervals" in told


def test_the_least_important_column_goes_first() -> None:
    block = plain_block(
        "t", "", ["seed", "task", "other", "d", "last"], [["0", "left", "x" * 9, "-0.1", "y" * 9]]
    )
    assert fitted_block(block, 100).left_out == []
    fitted = fitted_block(block, 20)
    assert fitted.left_out == ["last", "other"]
    assert fitted.block.header == ["seed", "task", "d"]


def test_intervals_and_names_with_numbers_are_not_broken_within() -> None:
    block = Block(
        "t", "", ["setting", "mean"], [["a 40, b 120", "+0.10 [-0.20, +0.30]"]], [[None, None]], [False]
    )
    (cells,) = fitted_block(block, 24).block.lines
    assert cells == ["a 40,\nb 120", "+0.10\n[-0.20, +0.30]"]
    assert GAIN not in block.header
