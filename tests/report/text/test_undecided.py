"""What would decide open rows: seeds, splits, test examples, or nothing."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mtlrun.report.text.number_format import UNICODE, needed, never, seeds
from mtlrun.report.text.undecided import undecided

ROW: dict[str, Any] = {
    "verdict": "inconclusive",
    "n_seeds": 6,
    "n_diverged": 0,
    "mtl_mean": 1.0,
    "over": "examples",
    "n_splits": None,
    "seeds_needed": None,
    "examples_needed": None,
    "cases": "examples",
}
SPLITS = {"over": "splits", "n_splits": 3}


def rows(*changes: dict[str, Any]) -> pd.DataFrame:
    whole = ("n_splits", "seeds_needed", "examples_needed")
    return pd.DataFrame([{**ROW, **change} for change in changes]).astype(dict.fromkeys(whole, "Int64"))


@pytest.mark.parametrize(
    ("row", "sentence", "shown", "short"),
    [
        ({"seeds_needed": 1}, "; about 1 further seed would decide it.", "6 +1", "+1 seed"),
        ({"seeds_needed": 40}, "; about 40 further seeds would decide it.", "6 +40", "+40 seeds"),
        (
            {"examples_needed": 4123},
            "; no number of seeds would decide it, since the test set is too small: about 4,100 test examples would "
            "(--level variance).",
            "6 +∞",
            "~4,100 examples",
        ),
        (SPLITS | {"seeds_needed": 8}, "; about 4 further splits would decide it.", "6 +8", "+8 seeds"),
        (
            SPLITS,
            "; no number of splits would decide it, since the data set is too small.",
            "6 +∞",
            "-",
        ),
        ({}, ".", "6 +?", "-"),
        (SPLITS | {"n_diverged": 1}, ".", "6/7 +?", "-"),
        (SPLITS | {"n_splits": 1}, ".", "6 +?", "-"),
    ],
)
def test_one_row(row: dict[str, Any], sentence: str, shown: str, short: str) -> None:
    table = rows(row)
    (found,) = table.itertuples()
    assert undecided(table) == "1 row is inconclusive" + sentence
    assert (seeds(found, UNICODE), needed(found)) == (shown, short)
    assert never(found) == ("∞" in shown)


def test_several_rows_are_counted_apart() -> None:
    table = rows({"seeds_needed": 3}, {"seeds_needed": 7}, SPLITS, {"verdict": "negative"})
    assert undecided(table) == (
        "3 rows are inconclusive; about 7 further seeds would decide 2 of them; no number of splits would decide 1 "
        "of them, since the data set is too small."
    )


def test_decided_rows_need_nothing() -> None:
    table = rows({"verdict": "negative", "seeds_needed": 0})
    assert undecided(table) == ""
    assert needed(next(table.itertuples())) == "-"
