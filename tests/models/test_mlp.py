"""The multi-layer perceptron: layers, sizes, initial weights."""

import math

import pytest
import torch

from mtlrun.models.mlp import MLP


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def shapes(module):
    return [tuple(p.shape) for p in module.parameters()]


def test_layers_and_features():
    encoder = MLP(width=5, depth=3).build((1, 2, 3))
    assert shapes(encoder) == [(5, 6), (5,), (5, 5), (5,), (5, 5), (5,)]
    assert len(encoder) == 3  # blocks that a sharing scheme may cut between
    assert encoder.features == 5
    assert shapes(MLP(width=5, depth=1, bias=False).build((6,))) == [(5, 6)]


def test_every_block_is_a_layer_with_a_relu():
    encoder = MLP(width=4, depth=2).build((3,)).double()
    x = torch.randn(7, 3, dtype=torch.float64)
    first, last = (p.detach() for n, p in encoder.named_parameters() if n.endswith("weight"))
    a, b = (p.detach() for n, p in encoder.named_parameters() if n.endswith("bias"))
    expected = torch.relu(torch.relu(x @ first.T + a) @ last.T + b)
    torch.testing.assert_close(encoder(x), expected)
    assert (encoder(x) == 0).any()


def test_weights_start_uniform_within_one_over_the_root_of_the_inputs():
    layer = MLP(width=400, depth=1).build((100,))[0][1]
    bound = 1 / math.sqrt(100)
    for values in (layer.weight, layer.bias):
        assert values.abs().max() <= bound
        assert values.abs().max() > 0.95 * bound
        assert values.mean().abs() < 0.2 * bound


def test_faults():
    assert [f.key for f in MLP(width=0, depth=0).faults()] == ["width", "depth"]
    assert not list(MLP().faults())
