"""The residual network: sizes, blocks, normalisation, what it asks of its inputs."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from mtlrun.errors import ConfigError
from mtlrun.models.resnet import BasicBlock, ResNet18


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 8, 8), (3, 8, 16), (3, 32, 32)])
def test_shapes_and_features(shape):
    encoder = ResNet18(channels=4, groups=2).build(shape)
    assert len(encoder) == 9  # the stem and eight blocks
    assert encoder.features == 32
    x, sizes = torch.randn(2, *shape), []
    for block in encoder:
        x = block(x)
        sizes.append(tuple(x.shape[1:]))
    _, height, width = shape
    maps = [(4 * 2**k, math.ceil(height / 2**k), math.ceil(width / 2**k)) for k in range(4)]
    assert sizes == [maps[0]] * 3 + [maps[1]] * 2 + [maps[2]] * 2 + [maps[3], (32,)]


def test_it_has_the_parameters_of_resnet18():
    # torchvision's resnet18 has 11,176,512 without its classifier; its 7x7 stem of 3 colours is 3x3 of 1 here.
    with torch.device("meta"):
        encoder = ResNet18().build((1, 28, 28))
    assert sum(p.numel() for p in encoder.parameters()) == 11_176_512 - 64 * (3 * 49 - 9)
    assert sum(isinstance(m, nn.Conv2d) for m in encoder.modules()) == 17 + 3  # and three projections


def test_a_block_adds_its_input():
    block = BasicBlock(4, 4, 1, partial(nn.GroupNorm, 2)).double()
    x = torch.randn(3, 4, 6, 6, dtype=torch.float64)
    nn.init.zeros_(block.second_norm.weight)
    torch.testing.assert_close(block(x), x.relu())
    narrow = BasicBlock(4, 8, 2, partial(nn.GroupNorm, 2)).double()
    nn.init.zeros_(narrow.second_norm.weight)
    assert not narrow.shortcut(x).equal(x)
    torch.testing.assert_close(narrow(x), narrow.shortcut(x).relu())


def test_an_example_does_not_depend_on_its_batch():
    encoder = ResNet18(channels=4, groups=2).build((1, 8, 8)).double()
    x = torch.randn(5, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(encoder(x)[2:3], encoder(x[2:3]), rtol=1e-10, atol=1e-12)


def test_weights_start_as_he_et_al_give_them():
    block = BasicBlock(64, 64, 1, partial(nn.GroupNorm, 8))
    assert block.first.weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 64)), rel=0.03)
    assert block.first.bias is None


@pytest.mark.parametrize("shape", [(64,), (8, 8), (1, 7, 28), (1, 28, 7)])
def test_inputs_that_are_no_images_or_too_small(shape):
    with pytest.raises(ConfigError, match=r"`suite` must have images .* at least 8x8 .* found"):
        ResNet18().build(shape)


def test_faults():
    assert [f.key for f in ResNet18(channels=0).faults()] == ["channels"]
    assert [f.key for f in ResNet18(groups=0).faults()] == ["groups"]
    assert [f.key for f in ResNet18(channels=12, groups=8).faults()] == ["groups"]
    assert not list(ResNet18(channels=12, groups=4).faults())
