"""Stacked layers, vmap and single calls are the same function."""

import pytest
import torch
from support.configs import run_config
from torch import nn

from mtlrun.training.cohort import Cohort
from mtlrun.training.stacked import stack_layers, vmapped

CPU = torch.device("cpu")


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("sharing", ["hard", "branched", "separate"])
def test_stacked_equals_vmap(sharing, lanes):
    cohort = Cohort([run_config(seed=s, sharing=sharing, heads="mlp") for s in range(lanes)], CPU)
    batch = next(cohort.batches(cohort.phases[0], 0))
    stacked = stack_layers(cohort.network, cohort.parameters)
    outputs = vmapped(cohort.network, cohort.parameters)(batch.inputs)
    for ours, theirs in zip(stacked(batch.inputs), outputs, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)
    values = list(cohort.parameters.values())
    ours = torch.autograd.grad(sum(o.square().sum() for o in stacked(batch.inputs)), values)
    theirs = torch.autograd.grad(sum(o.square().sum() for o in outputs), values)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_a_layer_without_a_rule_is_left_to_vmap():
    cohort = Cohort([run_config(seed=s) for s in range(3)], CPU)
    cohort.network.body.trunk[0].append(nn.LayerNorm(16, elementwise_affine=False))
    assert stack_layers(cohort.network, cohort.parameters) is None
    batch = next(cohort.batches(cohort.phases[0], 0))
    outputs = vmapped(cohort.network, cohort.parameters)(batch.inputs)
    assert [tuple(o.shape) for o in outputs] == [(3, 16, 10), (3, 16, 1)]


def test_stacked_layers_read_the_parameters_as_they_are_now():
    cohort = Cohort([run_config(seed=s) for s in range(2)], CPU)
    batch = next(cohort.batches(cohort.phases[0], 0))
    before = cohort.forward(batch.inputs)[0].detach().clone()
    with torch.no_grad():
        cohort.parameters["heads.tasks.0.bias"] += 1.0
    torch.testing.assert_close(cohort.forward(batch.inputs)[0], before + 1.0)
