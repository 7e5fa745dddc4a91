"""The small convolutional network: layers, sizes, what it asks of its inputs."""

import pytest
import torch
from support.configs import run_config
from torch.nn import functional as F

from mtlrun.config import build
from mtlrun.errors import ConfigError
from mtlrun.models.convnet import ConvNet
from mtlrun.training.network import Parts, build_network


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize(
    ("shape", "flat"), [((1, 28, 28), 49), ((1, 8, 8), 4), ((3, 8, 16), 8), ((1, 7, 4), 1)]
)
def test_layers_and_features(shape, flat):
    encoder = ConvNet(width=5, channels=3).build(shape)
    assert [tuple(p.shape) for p in encoder.parameters()] == [
        (3, shape[0], 5, 5),
        (3,),
        (6, 3, 5, 5),
        (6,),
        (5, 6 * flat),
        (5,),
    ]
    assert len(encoder) == 3  # blocks that a sharing scheme may cut between
    assert encoder.features == 5
    assert encoder(torch.randn(2, *shape)).shape == (2, 5)


def test_it_is_convolution_maximum_relu_twice_and_a_dense_layer():
    encoder = ConvNet(width=5, channels=3).build((1, 8, 8)).double()
    w1, b1, w2, b2, w3, b3 = encoder.parameters()
    x = torch.randn(7, 1, 8, 8, dtype=torch.float64)
    hidden = F.conv2d(x, w1, b1, padding=2).relu()  # in LeNet's order, which gives the same
    hidden = F.conv2d(F.max_pool2d(hidden, 2), w2, b2, padding=2).relu()
    expected = (F.max_pool2d(hidden, 2).reshape(7, -1) @ w3.T + b3).relu()
    torch.testing.assert_close(encoder(x), expected)


@pytest.mark.parametrize("shape", [(64,), (8, 8), (1, 3, 28), (1, 28, 3), (1, 1, 8, 8)])
def test_inputs_that_are_no_images_or_too_small(shape):
    with pytest.raises(ConfigError, match=r"`suite` must have images .* at least 4x4 .* found") as caught:
        ConvNet().build(shape)
    assert str(shape) in str(caught.value)


def test_faults():
    assert [f.key for f in ConvNet(width=0, channels=0).faults()] == ["width", "channels"]
    assert not list(ConvNet(width=1, channels=1).faults())


@pytest.mark.parametrize("model", ["convnet", "resnet18"])
@pytest.mark.parametrize("suite", ["digits_parity", "digits_two"])
def test_a_seed_gives_one_encoder_whatever_shares_it(model, suite):
    def encoder(seed, sharing):
        config = run_config(seed, suite=suite, model=model, sharing=sharing)
        return list(
            build_network(Parts.of(config), build(config["suite"]).info(), seed).body.named_parameters()
        )

    hard, separate, other = encoder(1, "hard"), encoder(1, "separate"), encoder(2, "hard")
    first, second = separate[: len(hard)], separate[len(hard) :]
    for (_, a), (_, b), (_, c) in zip(hard, first, second, strict=True):
        assert torch.equal(a, b) and torch.equal(a, c)
    assert not all(torch.equal(a, b) for (_, a), (_, b) in zip(hard, other, strict=True))
