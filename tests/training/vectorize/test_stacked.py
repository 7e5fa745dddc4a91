"""Stacked layers, vmap and single calls are the same function."""

import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from torch import nn

from mtlrun.training.vectorize.lane_backends import forward_of_lanes
from mtlrun.training.vectorize.stacked import Lone, Stacked, Vmapped

CPU = torch.device("cpu")


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("sharing", ["hard", "branched", "separate"])
def test_stacked_equals_vmap(sharing, lanes):
    cohort = cohort_of([run_config(seed=s, sharing=sharing, heads="mlp") for s in range(lanes)], CPU)
    batch = next(cohort.batches(cohort.phases[0], 0))
    stacked = Stacked(cohort.network, cohort.parameters)
    other = Lone if lanes == 1 else Vmapped
    plain = other(cohort.network, cohort.parameters)
    outputs, found = plain(batch.examples.inputs), stacked(batch.examples.inputs)
    for ours, theirs in zip(found, outputs, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)
    ours, theirs = (
        torch.autograd.grad(sum(o.square().sum() for o in each), list(forward.leaves.values()))
        for each, forward in ((found, stacked), (outputs, plain))
    )
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.view_as(b), b, rtol=1e-10, atol=1e-12)


def test_a_layer_without_a_rule_is_left_to_vmap():
    cohort = cohort_of([run_config(seed=s) for s in range(3)], CPU)
    cohort.network.body.trunk[0].append(nn.LayerNorm(16, elementwise_affine=False))
    batch = next(cohort.batches(cohort.phases[0], 0))
    forward = forward_of_lanes(cohort.network, cohort.parameters)
    assert isinstance(forward, Vmapped)
    outputs = forward(batch.examples.inputs)
    assert [tuple(o.shape) for o in outputs] == [(3, 16, 10), (3, 16, 1)]


def test_stacked_layers_read_the_parameters_as_they_are_now():
    cohort = cohort_of([run_config(seed=s) for s in range(2)], CPU)
    batch = next(cohort.batches(cohort.phases[0], 0))
    before = cohort.forward(batch.examples.inputs)[0].detach().clone()
    with torch.no_grad():
        cohort.parameters["heads.tasks.0.bias"] += 1.0
    torch.testing.assert_close(cohort.forward(batch.examples.inputs)[0], before + 1.0)
