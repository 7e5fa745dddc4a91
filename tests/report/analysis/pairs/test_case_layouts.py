"""Scores of both sides beside each other: when they count as the same."""

from __future__ import annotations

import numpy as np
import pytest

from mtlrun.report.analysis.pairs.case_layouts import CaseLayouts
from mtlrun.store.runs.records import RunRecord, to_table
from mtlrun.store.runs.scores import ScoreTable

RNG = np.random.default_rng(3)
ONE, OTHER = ("mtl", 0), ("stl", 0)
SEEDS = np.array([True])


def layouts(multi: np.ndarray, single: np.ndarray) -> CaseLayouts:
    """Return one seed of one task, its scores rounded as they are stored."""
    records = []
    for name, values in (("multi", multi), ("single", single)):
        scale = 2.0 ** np.floor(np.log2(np.abs(values).max()))
        entry = {"task": "a", "step": 1, "scale": scale, "cases": len(values)}
        scores = [entry | {"values": (values / scale).astype(np.float16)}]
        records.append(RunRecord(name, 0, {}, "finished", None, "cpu", {}, "", scores=scores))
    ids = {"mtl": np.array([["multi"]], dtype=object), "stl": np.array([["single"]], dtype=object)}
    steps = dict.fromkeys(("mtl", "stl"), np.ones((1, 1)))
    values = {"mtl": multi.mean().reshape(1, 1), "stl": single.mean().reshape(1, 1)}
    return CaseLayouts(ScoreTable([to_table(records)]), ["a"], ids, steps, values)


@pytest.mark.parametrize("size", [1e-24, 1.0, 1e24])
def test_round_off_of_confident_answers_is_no_difference(size: float) -> None:
    """Losses from 1e-7 to 6, as of confident networks, that differ in the last digits of single precision."""
    loss = size * np.append(10 ** RNG.uniform(-7, 0, 199), 6.3)
    other = loss * (1 + 1e-7 * RNG.normal(size=200)) + size * 1e-7 * RNG.normal(size=200)
    assert layouts(loss, other).equal(ONE, OTHER, SEEDS)


@pytest.mark.parametrize("size", [1e-24, 1.0, 1e24])
def test_a_score_that_differs_is_a_difference(size: float) -> None:
    """Two examples trade a hundredth of their losses: the mean is the same."""
    loss = size * RNG.uniform(0.5, 1.5, 200)
    other = loss + size * np.r_[0.01, -0.01, np.zeros(198)]
    assert not layouts(loss, other).equal(ONE, OTHER, SEEDS)
    hits = size * RNG.integers(0, 2, 200).astype(float)
    traded = np.sort(hits)
    assert not layouts(hits, traded).equal(ONE, OTHER, SEEDS)
