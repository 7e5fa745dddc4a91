"""Small convolutional network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import nn

from mtlrun.errors import Fault
from mtlrun.models.base import Encoder, Model
from mtlrun.models.images import image_shape

LEAST = 4  # pixels a side, which two poolings halve twice


@dataclass
class ConvNet(Model):
    """Two 5x5 convolutions, each with 2x2 max-pooling and ReLU, and a dense layer with ReLU, for images.

    Convolutions keep the size of the image, so that 8x8 digits do as well as 28x28 ones; the second has twice as
    many channels. Weights and biases start uniform in +-1/sqrt(fan_in), torch's default.

    Source: LeNet-5 (LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86, 1998), in today's form: max
    for average, ReLU for tanh, every map connected to every map, one dense layer below the heads. The paper has 6 and
    16 maps, and dense layers of 120 and 84 units.

    Args:
        width: units of the dense layer, which is also the number of features.
        channels: maps of the first convolution.
    """

    width: int = 64
    channels: int = 8

    def faults(self) -> Iterator[Fault]:
        if self.width < 1:
            yield Fault("width", "must be at least 1", self.width)
        if self.channels < 1:
            yield Fault("channels", "must be at least 1", self.channels)

    def build(self, input_shape: tuple[int, ...]) -> Encoder:
        """Return the encoder: three blocks.

        Raises:
            ConfigError: inputs are no images of at least 4x4 pixels.
        """
        channels, height, width = image_shape(input_shape, LEAST)
        first, second = self.channels, 2 * self.channels
        flat = second * (height // 4) * (width // 4)
        blocks = [
            nn.Sequential(nn.Conv2d(channels, first, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()),
            nn.Sequential(nn.Conv2d(first, second, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()),
            nn.Sequential(nn.Flatten(), nn.Linear(flat, self.width), nn.ReLU()),
        ]
        return Encoder(blocks, self.width)

    def of_width(self, units: int) -> ConvNet:
        """Return the model with so many units, and channels in proportion, rounded and at least 1."""
        return replace(self, width=units, channels=max(1, round(self.channels * units / self.width)))
