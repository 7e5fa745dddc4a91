"""Precision is a setting of the run; torch's own switches are put back."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.training.runtime.numerics import STORED, numerics

CPU = torch.device("cpu")


def switches():
    flags = torch.backends.cudnn
    return torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled(), flags.enabled


@pytest.mark.parametrize("dtype", STORED)
@pytest.mark.parametrize("deterministic", (True, False))
def test_switches_are_set_and_put_back(dtype, deterministic):
    before = switches()
    with pytest.raises(KeyError), numerics(dtype, deterministic):
        assert torch.get_float32_matmul_precision() == ("high" if dtype == "tf32" else "highest")
        assert torch.are_deterministic_algorithms_enabled() is deterministic
        raise KeyError
    assert switches() == before


@pytest.mark.parametrize("lanes", (1, 3))
def test_bfloat16_rounds_products_and_keeps_parameters(lanes):
    torch.set_num_threads(1)

    def first_values(dtype):
        cohort = cohort_of([run_config(s, 300, dtype) for s in range(lanes)], CPU)
        batch = next(cohort.batches(cohort.phases[0], 0))
        outputs = cohort.forward(batch.examples.inputs)
        return outputs[0].detach(), cohort.train()

    exact, expected = first_values("float32")
    rounded, results = first_values("bfloat16")
    assert rounded.dtype == torch.float32
    difference = (rounded - exact).abs().max()
    assert 1e-4 < difference < 0.03  # 8 bits of mantissa
    assert all(p.dtype == np.float32 for p in results[0].parameters.values())
    log_loss = [r[0].values[-1, 1, 1] for r in (results, expected)]  # of ten classes, on validation
    assert log_loss[1] < 1.5 and abs(log_loss[0] - log_loss[1]) < 0.05


def test_deterministic_training_repeats_every_bit():
    torch.set_num_threads(1)
    with numerics("float32", True):
        first, second = (
            cohort_of([run_config(s, 20, "float32", model="convnet") for s in range(2)], CPU).train()
            for _ in range(2)
        )
    for name, value in first[1].parameters.items():
        assert np.array_equal(value, second[1].parameters[name])
