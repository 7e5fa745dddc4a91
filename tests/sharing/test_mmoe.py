"""Multi-gate mixture of experts."""

import math

import pytest
import torch
from support.networks import counts, inputs_of, moved, network_of

from mtlrun.sharing.mmoe import MMoE


@pytest.mark.parametrize("suite", ("digits_parity", "digits_permuted"))
def test_one_expert_is_hard_sharing(suite):
    mixture = network_of(suite=suite, sharing="mmoe", sharing__experts=1)
    hard = network_of(suite=suite, sharing="hard")
    for ours, theirs in zip(mixture(inputs_of(suite)), hard(inputs_of(suite)), strict=True):
        assert torch.equal(ours, theirs)


def test_it_begins_with_the_mean_of_different_experts():
    body = network_of(suite="digits_parity", sharing="mmoe", sharing__experts=3).body
    (inputs,) = inputs_of("digits_parity")
    outputs = [expert(inputs) for expert in body.experts]
    for features in body([inputs]):
        torch.testing.assert_close(features, sum(outputs) / 3)
    assert not torch.allclose(outputs[0], outputs[1])
    assert not torch.allclose(outputs[1], outputs[2])


def test_a_gate_by_hand():
    # Two experts; the second gate's rows are 0 and log 3 on the first pixel, so for an image whose first pixel is
    # p the weights are 1 / (1 + 3^p) and 3^p / (1 + 3^p): 1/4 and 3/4 for p = 1, 1/2 each for p = 0.
    body = moved(network_of(suite="digits_parity", sharing="mmoe", sharing__experts=2)).body
    (inputs,) = inputs_of("digits_parity")
    inputs = inputs[:2].clone()
    inputs[:, 0, 0, 0] = torch.tensor([1.0, 0.0])
    with torch.no_grad():
        gate = body.gates[1].layers[1].weight.zero_()
        gate[1, 0] = math.log(3)
        first, second = (expert(inputs) for expert in body.experts)
        _, features = body([inputs])
    torch.testing.assert_close(features[0], first[0] / 4 + 3 * second[0] / 4)
    torch.testing.assert_close(features[1], (first[1] + second[1]) / 2)


def test_parameters_counted_by_hand():
    # Four shared experts of 1040 + 272; a gate of 4 * 64 and the head for each task.
    network = network_of(suite="digits_parity", sharing="mmoe")
    assert counts(network) == {None: 4 * (1040 + 272), 0: 256 + 170, 1: 256 + 17}


def test_its_settings_are_checked():
    assert [f.key for f in MMoE(0).faults()] == ["experts"]
    assert not list(MMoE(1).faults())
