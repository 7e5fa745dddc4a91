"""A first look at a table is as wide as the terminal, and breaks words only where it must."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mtlrun.prepare.first_look import _folded, _widths

NAMES = ["column", "used as", "kind", "missing", "holds", "with price", "with grade"]
ROWS = [
    [
        "id",
        "left out: text of 400 kinds, more than suite.most_categories=100",
        "category",
        "",
        "'u1' 1",
        "",
        "",
    ],
    ["width", "input", "number", "12.5%", "-2.995 to 3.886, mean -0.02445", "+0.52", "-1.00 by gaps"],
]


def lines(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(_folded(NAMES, ROWS, width))
    found = console.file
    assert isinstance(found, io.StringIO)
    return found.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_nothing_is_cut_and_figures_are_whole(width: int) -> None:
    shown = lines(width)
    assert all(len(line) <= width for line in shown)
    words = {word for line in shown for word in line.split()}
    assert {"-0.02445", "-1.00", "category", "grade", "missing"} <= words


def test_where_there_is_room_no_word_is_broken() -> None:
    words = {word for line in lines(100) for word in line.split()}
    assert {word for row in (NAMES, *ROWS) for cell in row for word in cell.split()} <= words


def test_the_widest_columns_are_narrowed_first() -> None:
    assert _widths([["aa bb cc dd", "ee ff", "gg"]], 18) == [11, 5, 2]
    assert _widths([["aa bb cc dd", "ee ff", "gg"]], 12) == [5, 5, 2]
    assert _widths([["aaaaaaaaaa", "bbb"]], 8) == [5, 3]
