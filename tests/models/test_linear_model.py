"""The linear encoder."""

import pytest
import torch

from mtlrun.models.linear import Linear


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def test_it_is_one_linear_map_of_flattened_inputs():
    encoder = Linear(width=5).build((1, 2, 3))
    weight, bias = encoder.parameters()
    assert encoder.features == 5
    x = torch.randn(7, 1, 2, 3)
    torch.testing.assert_close(encoder(x), x.flatten(1) @ weight.T + bias)
    assert (encoder(x) < 0).any()  # no ReLU


def test_without_bias_nothing_in_gives_nothing_out():
    encoder = Linear(width=5, bias=False).build((6,))
    assert len(list(encoder.parameters())) == 1
    assert not encoder(torch.zeros(2, 6)).any()


def test_faults():
    assert [f.key for f in Linear(width=0).faults()] == ["width"]
    assert not list(Linear(width=1).faults())
