"""Operations, time and memory of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.training.cost import Meter, process_peak_mib
from mtlrun.training.cost import step_flops as flops_of

CPU = torch.device("cpu")


def step_flops(*configs: dict[str, Any]) -> int:
    return flops_of(cohort_of(configs, CPU))


def test_operations_of_a_step_are_those_of_its_matrix_products():
    config = run_config(suite__tasks=["digit"], budget__batch_size=8)
    layers = [(64, 16), (16, 16), (16, 10)]
    forward = sum(2 * 8 * a * b for a, b in layers)
    to_inputs = sum(2 * 8 * a * b for a, b in layers[1:])  # the data need no gradient
    assert step_flops(config) == 2 * forward + to_inputs


def test_seed_and_optimizer_do_not_change_the_operations_and_surgery_does():
    config = run_config()
    assert step_flops(run_config(seed=3, optimizer="sgd")) == step_flops(config)
    assert step_flops(run_config(weighting="pcgrad")) > step_flops(config)


def test_phases_count_by_their_steps():
    both = {"suite__tasks": ["digit", "parity"]}
    sequential = step_flops(run_config(schedule="sequential", **both))
    assert 0 < sequential < step_flops(run_config(**both))


def test_steps_count_by_the_tasks_that_they_train():
    digit, parity = (step_flops(run_config(suite__tasks=[t])) for t in ("digit", "parity"))
    # The head of a task that a step leaves out is computed nevertheless: 16 examples, 16 features, 10 or 1 outputs.
    digit, parity = digit + 2 * 16 * 16 * 1, parity + 2 * 16 * 16 * 10
    assert step_flops(run_config(schedule="alternating")) == (digit + parity) / 2
    forked = step_flops(run_config(schedule="fork_merge", suite__primary="digit"))
    assert forked == (digit + step_flops(run_config())) / 2


@pytest.mark.parametrize(
    "choices",
    [
        {"weighting": "pcgrad"},
        {"schedule": "alternating"},
        {"regularization": "dropout"},
        {"model": "convnet", "suite": "digits_permuted"},
        {"weighting": "uncertainty", "optimizer": "adam"},
    ],
)
def test_a_cohort_of_many_lanes_costs_each_of_them_what_it_costs_alone(choices: dict[str, Any]) -> None:
    configs = [run_config(seed=seed, **choices) for seed in range(3)]
    assert step_flops(*configs) == step_flops(configs[0]) > 0


def test_counting_leaves_the_cohort_as_it_is() -> None:
    configs = [run_config(seed=seed, regularization="dropout") for seed in range(2)]
    counted, plain = cohort_of(configs, CPU), cohort_of(configs, CPU)
    flops_of(counted)
    for one, other in zip(counted.train(), plain.train(), strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert all((one.parameters[name] == other.parameters[name]).all() for name in one.parameters)


def test_a_meter_sees_time_and_memory_of_its_own_work():
    before = Meter(CPU).peak_mib()
    meter = Meter(CPU)
    assert meter.measure(lambda: np.ones(400 * 2**17).sum()) == 400 * 2**17
    assert meter.peak_mib() > before + 300  # more than earlier tests may have left free in this process
    assert meter.wall_s > 0
    assert meter.device_s > 0
    assert process_peak_mib() == pytest.approx(meter.peak_mib(), rel=0.05)
