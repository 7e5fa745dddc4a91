"""The plain script is the same work as mtlrun's study: the same runs, steps, models, and about as good."""

from __future__ import annotations

import pytest

from benchmarks import studies
from benchmarks.ours import bench_cohort
from benchmarks.plain_study import MITIGATIONS, Kind, Run, kinds, load
from mtlrun.catalog import describe, options

EPOCHS, SEEDS = 5, 1
STEPS = round(EPOCHS * 897 / 32)


@pytest.mark.sample(3)
@pytest.mark.parametrize("mitigation", MITIGATIONS)
def test_a_kind_ends_about_as_good_as_ours(mitigation: str) -> None:
    preset = describe("mitigation", mitigation).sets
    cohort = bench_cohort(SEEDS, {"steps": STEPS, "batch_size": 32, "evaluations": 1}, preset)
    results, data = cohort.train(), load()
    plain = [Run(MITIGATIONS[mitigation], seed, data, EPOCHS).train() for seed in range(SEEDS)]
    for place, task in enumerate(("digit", "parity")):
        column = results[0].names.index((task, "accuracy"))
        ours = sum(result.values[-1, 2, column] for result in results) / SEEDS
        theirs = sum(metrics[f"test {place}"][0] for metrics in plain) / SEEDS
        assert theirs == pytest.approx(ours, abs=0.1), task
        assert theirs > 0.6


def test_its_ten_mitigations_are_presets_of_ours() -> None:
    assert len(MITIGATIONS) == 10
    assert set(MITIGATIONS) <= set(options("mitigation"))


def test_baselines_are_trained_for_each_heads_and_penalty() -> None:
    names = [kind.name for kind in kinds()]
    assert len(names) == len(set(names)) == 18
    assert Kind("sum", "mlp", "none", (1,)).name == "sum mlp none parity"
    assert "sum mlp none parity" in names


def test_a_run_has_the_steps_and_evaluations_of_ours() -> None:
    run = Run(Kind("sequential"), 0, load(), 0.5)
    run.train()
    assert run.order.shape == (14, 32)
    assert len(run.history) == 20  # ten in each phase
    assert set(run.history[0]) == {f"{part} {task}" for part in ("train", "val", "test") for task in (0, 1)}


def test_a_sample_stands_for_all_seeds_of_its_kind() -> None:
    runs = [
        {"kind": "a", "wall_s": 1.0},
        {"kind": "a", "wall_s": 2.0},
        {"kind": "b", "wall_s": 0.5},
    ]
    assert studies.whole_study(3.0, runs, "wall_s") == 3.0 + 20 * 1.5 + 20 * 0.5
