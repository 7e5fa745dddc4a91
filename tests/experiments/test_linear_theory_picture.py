"""The committed table of experiments/linear_theory is whole, and its picture can be drawn from it."""

from __future__ import annotations

import pandas as pd

from experiments.linear_theory.picture import HERE, NETWORKS, draw
from mtlrun.report.analysis.theory import THEORY_COLUMNS


def test_the_committed_table_gives_the_picture(tmp_path):
    theory = pd.read_csv(HERE / "theory.csv")
    assert list(theory) == list(THEORY_COLUMNS)
    assert len(theory) == 2 * 24 * len(NETWORKS)
    assert set(theory["sign"].dropna()) == {"right"}
    draw(theory, tmp_path / "measured.svg")
    assert (tmp_path / "measured.svg").read_text(encoding="utf-8").count("<svg") == 1
