"""A study says the same whatever unit its metric has: percentages, words, mean gains, aggregates, pictures."""

from __future__ import annotations

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.registry import render

N = 12
RNG = np.random.default_rng(3)
STL = {suite: 2.0 + 0.02 * RNG.standard_normal((2, N)) for suite in ("one", "two")}
MTL = {
    (suite, mitigation): STL[suite] + shift + 0.01 * RNG.standard_normal((2, N))
    for suite in STL
    for mitigation, shift in (("none", 0.1), ("dwa", 0.002))
}
PERCENT = ["gain_pct", "ci_low", "ci_high", "p", "p_adjusted"]


def study(unit: float, metric: str = "mse") -> Summary:
    """Return two suites of two tasks each; the second task has another unit."""
    scale = np.array([[1.0], [unit]])
    made = SyntheticStudy()
    for (suite, mitigation), values in MTL.items():
        labels = {} if mitigation == "none" else {"mitigation": "dwa", "weighting": "dwa"}
        sides = (dict(zip("ab", side * scale, strict=True)) for side in (STL[suite], values))
        made.add(*sides, suite=suite, metric=metric, direction="lower", **labels)
    return made.summary()


@pytest.mark.parametrize("unit", [1e-26, 1e-13, 1e13])
def test_nothing_but_the_metric_itself_changes(unit: float) -> None:
    plain, scaled = study(1.0), study(unit)
    for name in ("rows", "contrasts"):
        one, other = getattr(plain, name), getattr(scaled, name)
        np.testing.assert_allclose(other[PERCENT], one[PERCENT], rtol=1e-6)
        for column in ("verdict", "seeds_needed", "small"):
            assert other[column].tolist() == one[column].tolist()
    for name, columns in (
        ("suites", ["delta_m", "ci_low", "ci_high", "n_tasks", "hurt", "helped"]),
        ("aggregates", ["mean_gain", "mean_gain_low", "iqm_gain_high", "improvement", "mean_rank"]),
    ):
        np.testing.assert_allclose(
            getattr(scaled, name)[columns], getattr(plain, name)[columns], rtol=1e-6, err_msg=name
        )
    assert scaled.suites["left_out"].tolist() == [[]] * 4
    assert "0.000000" not in render(scaled)


def test_a_picture_of_small_differences_fills_its_axis() -> None:
    """Two tasks without percentages, their differences about 1e-14: the axis is not a thousand times as wide."""
    from mtlrun.report.figures.forest_layout import panels_of
    from mtlrun.report.figures.gains import limits

    for panel in panels_of(study(1e-13, metric="r2")):
        low, high = limits(panel)
        assert high - low < 100 * panel.rows["diff"].abs().max()
