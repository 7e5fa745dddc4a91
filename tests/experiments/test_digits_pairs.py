"""What is committed of experiments/digits_pairs hangs together: tables, lock, pictures and the reading of them."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from experiments.digits_pairs.picture import HERE, draw
from mtlrun.gate.lockfile import read_lock

README = (HERE / "README.md").read_text(encoding="utf-8")
OPTIMISERS = ("random", "uncertainty", "dwa", "famo", "pcgrad", "cagrad", "mgda", "nash_mtl", "aligned_mtl")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(HERE / "table.csv", keep_default_na=False)


def test_table_and_lock_are_of_one_study(table):
    rows = read_lock(HERE / "lock.json")["rows"]
    assert [(r["cell_id"], r["task"], r["verdict"]) for r in rows] == list(
        table[["cell_id", "task", "verdict"]].itertuples(index=False, name=None)
    )
    np.testing.assert_allclose([np.mean(r["gains"]) for r in rows], table["diff"])
    assert {len(r["seeds"]) for r in rows} == {20}


def test_every_family_was_tuned_with_equal_budgets(table):
    plain = {"heads": "linear", "weighting": "equal", "schedule": "joint", "regularization": "none"}
    for family, option in plain.items():
        assert (table[family] != option).any(), family
    trials = table["tuned"].map(json.loads)
    assert {(t["trials"], t["stl_trials"]) for t in trials} == {(4, 4)}


def test_the_reading_counts_what_is_in_the_table(table):
    words = Counter(table[table["mitigation"] == "none"]["verdict"])
    assert f"sharing hurts {words['negative']} of {words.total()} tasks" in README
    assert (words["positive"], words["neutral"], words["inconclusive"]) == (0, 1, 15)
    assert "It helps none for certain" in README
    assert "One task is unchanged, fifteen are undecided." in " ".join(README.split())
    assert f"- {(table['verdict'] == 'inconclusive').sum()} of {len(table)} rows are undecided" in README
    contrasts = [
        line for line in (HERE / "table.md").read_text("utf-8").splitlines() if line.startswith("| ")
    ]
    cells = [
        cell
        for line in contrasts
        for name, *values in [[part.strip() for part in line.strip("|").split("|")]]
        if name.replace("\\", "") in OPTIMISERS and len(values) == 2
        for cell in values
    ]
    found = Counter(cell.split(" +")[0].split(" -")[0] for cell in cells)
    assert found == {"worse": 6, "no effect": 73, "inconclusive": 83}
    assert "not one of 162 comparisons" in README and "six are worse" in README
    assert "73 show no effect" in README and "83 are undecided" in README


def test_the_picture_is_that_of_the_committed_table(tmp_path):
    draw(tmp_path / "all_pairs.svg")
    drawn, kept = (folder / "all_pairs.svg" for folder in (tmp_path, HERE))
    assert set(texts(drawn.read_text("utf-8"))) == set(texts(kept.read_text("utf-8")))


def texts(svg: str) -> list[str]:
    return [line.strip() for line in svg.splitlines() if line.strip().startswith("<!--")]
