"""Verdicts over seeds and test examples keep their level and cover, under every metric, in simulated studies.

`python -m benchmarks.examples_validity` prints the tables that docs/statistics.md gives.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.crossed_studies import WORLDS, uneven_groups
from benchmarks.examples_validity import ALPHA, effect_rates, looks, null_rates
from benchmarks.validity import two_errors

STUDIES = 600
slow = pytest.mark.slow
every_metric = pytest.mark.parametrize("name", WORLDS)

pytestmark = pytest.mark.validity

NEAR_CEILING = pytest.mark.xfail(
    strict=True,
    reason="400 examples have 8 errors there, and Student's t is rough: neutral in .082 of 4,000 studies",
)
"""A known limit, given in docs/statistics.md; the bound is that of the other metrics."""


@pytest.mark.parametrize("name", ["accuracy, chance", "accuracy near .75", "RMSE"])
def test_equal_procedures_are_told_apart_in_five_percent(name: str) -> None:
    found = null_rates(WORLDS[name], 10, 400, 400)
    assert 0.02 <= found["rejected"] <= two_errors(ALPHA, 400)
    assert found["seeds only"] > 2 * two_errors(ALPHA, 400)


@slow
@every_metric
@pytest.mark.parametrize(("n", "m"), [(5, 100), (10, 400), (30, 600)])
def test_every_metric_keeps_the_level_and_covers(name: str, n: int, m: int) -> None:
    """With 5 seeds and 100 examples it may be rarer: few degrees of freedom, and near the ceiling few errors."""
    studies = 2000 if n < 30 else STUDIES // 2
    found = null_rates(WORLDS[name], n, m, studies)
    assert found["rejected"] <= two_errors(0.05, studies)
    assert found["coverage"] >= 1 - two_errors(0.05, studies)
    if (n, m) != (5, 100):
        assert found["rejected"] >= 0.02
        assert found["coverage"] <= 0.98


@slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=NEAR_CEILING if name == "accuracy near .98" else ())
        for name, world in WORLDS.items()
        if world.strength
    ],
)
def test_a_better_procedure_is_found_and_not_called_neutral_at_the_margin(name: str) -> None:
    found = effect_rates(WORLDS[name], 10, 400, STUDIES)
    assert 0.925 <= found["coverage"] <= 0.975
    assert found["power"] >= 0.5
    assert found["neutral at the edge"] <= 0.07


@slow
@pytest.mark.parametrize("name", ["accuracy near .9", "AUROC", "RMSE"])
def test_the_bootstrap_keeps_the_level_and_covers(name: str) -> None:
    for n, m in ((5, 100), (10, 400)):
        found = null_rates(WORLDS[name], n, m, 400, "bootstrap")
        assert found["rejected"] <= two_errors(ALPHA, 400)
        assert found["coverage"] >= 1 - two_errors(ALPHA, 400)


@pytest.mark.parametrize("name", ["accuracy, chance", "RMSE"])
def test_looking_after_every_batch_keeps_the_level(name: str) -> None:
    found = looks(WORLDS[name], 100, 100)
    assert found["told apart at any look"] <= two_errors(ALPHA, 100)
    assert found["coverage where it stops"] >= 1 - two_errors(ALPHA, 100)


@slow
@pytest.mark.parametrize("name", ["accuracy near .9", "AUROC"])
def test_looking_finds_what_is_there_and_covers_where_it_stops(name: str) -> None:
    found = looks(WORLDS[name], 400, 300, WORLDS[name].better)
    assert found["coverage where it stops"] >= 1 - two_errors(ALPHA, 300)
    assert found["neutral at the edge at any look"] <= two_errors(ALPHA, 300)
    assert found["told apart at any look"] > 0.5


@slow
@pytest.mark.parametrize("name", ["accuracy near .75", "AUROC", "RMSE"])
@pytest.mark.parametrize("n", [5, 20])
def test_groups_are_cases(name: str, n: int) -> None:
    groups = uneven_groups(100, 5, np.random.default_rng(0))
    rows = len(groups.of)
    found = null_rates(WORLDS[name], n, rows, 2000 if n == 5 else STUDIES, groups=groups)
    assert found["rejected"] <= 0.07
    assert found["coverage"] >= 0.93


def test_rows_of_groups_taken_for_examples_raise_false_alarms() -> None:
    groups = uneven_groups(100, 5, np.random.default_rng(0))
    world, rows = WORLDS["RMSE"], len(groups.of)
    told = null_rates(world, 20, rows, 300, groups=groups)
    untold = null_rates(world, 20, rows, 300, groups=groups, as_groups=False)
    assert told["rejected"] <= two_errors(ALPHA, 300) < untold["rejected"]


@slow
@pytest.mark.parametrize("name", ["accuracy near .9", "RMSE"])
def test_blocks_of_many_examples_keep_the_level(name: str) -> None:
    found = null_rates(WORLDS[name], 10, 3000, 400)
    assert found["rejected"] <= two_errors(ALPHA, 400)
    assert found["coverage"] >= 1 - two_errors(ALPHA, 400)
