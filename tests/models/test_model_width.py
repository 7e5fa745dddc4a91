"""The width at which a network on an encoder has a given size."""

import pytest
import torch

from mtlrun.errors import ConfigError
from mtlrun.models.base import Encoder, Model
from mtlrun.models.convnet import ConvNet
from mtlrun.models.linear import Linear
from mtlrun.models.mlp import MLP
from mtlrun.models.resnet import ResNet18
from mtlrun.models.width import closest_in_size


class Fixed(Model):
    """An encoder of one width."""

    def build(self, input_shape):
        return Encoder([torch.nn.Flatten()], 4)


def square(model):
    return model.width**2


# Squares 1, 4, 9, 16: 12 is nearer to 9 than to 16, 13 nearer to 16; 10 and above 2.5 lie between 1, 4 and 9.
@pytest.mark.parametrize(
    ("wanted", "width"), [(1, 1), (2, 1), (3, 2), (4, 2), (12, 3), (13, 4), (16, 4), (10**6, 1000)]
)
def test_the_closest_width(wanted, width):
    assert closest_in_size(MLP(depth=3), square, wanted) == MLP(width=width, depth=3)


def test_of_two_as_close_it_is_the_narrower():
    assert closest_in_size(MLP(), lambda model: 2 * model.width, 7).width == 3


def test_what_cannot_be_had():
    with pytest.raises(ConfigError, match=r"sharing.capacity.*width can be chosen.*Fixed"):
        closest_in_size(Fixed(), lambda model: 1, 5)
    with pytest.raises(ConfigError, match=r"narrowest encoder.*there are 50 parameters.*has 49 \("):
        closest_in_size(MLP(), lambda model: 49 + model.width, 49)
    with pytest.raises(ConfigError, match="that uses the encoder"):
        closest_in_size(MLP(), lambda model: 7, 8)


def test_models_of_other_widths():
    assert MLP(width=64, depth=3, bias=False).of_width(5) == MLP(width=5, depth=3, bias=False)
    assert Linear(bias=False).of_width(5) == Linear(width=5, bias=False)
    # 8 channels for 64 units: 3 for 24, and never fewer than 1.
    assert [ConvNet().of_width(n).channels for n in (64, 24, 128, 3)] == [8, 3, 16, 1]
    # Groups divide the channels, so channels go in steps of them.
    assert ResNet18(channels=64, groups=8).of_width(3) == ResNet18(channels=24, groups=8)


@pytest.mark.parametrize("model", [MLP(), Linear(), ConvNet(), ResNet18(groups=2)], ids=type)
def test_parameters_grow_with_the_width(model):
    with torch.device("meta"):
        encoders = [model.of_width(units).build((1, 8, 8)) for units in range(1, 9)]
    sizes = [sum(p.numel() for p in encoder.parameters()) for encoder in encoders]
    assert sizes == sorted(set(sizes))
    assert not list(model.of_width(1).faults())
