"""Intervals of delta-m and of a benchmark's figures cover, through the report, over examples and over splits."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from benchmarks.split_studies import ONE_SEED, SEVERAL_SEEDS
from benchmarks.suite_studies import aggregate_coverage, crossed_suite, delta_m_coverage, report, split_suite
from benchmarks.validity import two_errors

pytestmark = pytest.mark.validity
slow = pytest.mark.slow


def test_reports_of_simulated_suites_are_over_examples_and_over_splits() -> None:
    rng = np.random.default_rng(0)
    over_examples = report([crossed_suite(5, 60, 2, rng) for _ in range(4)], together=2)
    assert set(over_examples.suites["over"]) == set(over_examples.aggregates["over"]) == {"examples"}
    assert set(over_examples.rows["n_examples"]) == {60}
    how = SEVERAL_SEEDS["5 splits x 4 seeds, 140 / 60"]
    over_splits = report([split_suite([how, how], rng) for _ in range(4)], together=2)
    assert set(over_splits.suites["over"]) == set(over_splits.aggregates["over"]) == {"splits"}
    assert set(over_splits.rows["n_splits"]) == {5}


@slow
@pytest.mark.parametrize("tasks", [2, 4])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_delta_m_covers_over_examples(n: int, tasks: int) -> None:
    found = delta_m_coverage(lambda rng: crossed_suite(n, 200, tasks, rng), 600)
    assert 0.92 <= found["coverage"] <= 0.985


@slow
def test_a_benchmark_covers_over_examples() -> None:
    found = aggregate_coverage(lambda rng: crossed_suite(5, 200, 2, rng), 150)
    assert min(found.values()) >= 1 - two_errors(0.05, 150)


@slow
@pytest.mark.parametrize("name", ["10 splits, 140 / 60", "5 splits x 4 seeds, 140 / 60"])
def test_a_benchmark_covers_over_splits(name: str) -> None:
    how = (ONE_SEED | SEVERAL_SEEDS)[name]
    found = aggregate_coverage(partial(split_suite, [how, how]), 120)
    assert min(found.values()) >= 1 - two_errors(0.07, 120)
