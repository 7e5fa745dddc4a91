"""Deeper convolutional network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import nn

from mtlrun.errors import ConfigError, Fault, part_faults
from mtlrun.models.base import Encoder, Model
from mtlrun.models.images import image_shape

LEAST = 2  # pixels a side, that a first pooling can halve


@dataclass
class DeepConvNet(Model):
    """Four blocks, each a 3x3 convolution of 64 maps, normalised, with ReLU and 2x2 max-pooling, for images.

    The features are the mean over what is left of the image. Images that are smaller than 16 pixels a side are pooled
    as often as their size allows: 8x8 ones three times. Weights start as in He et al., ICCV 2015.

    Differs from the paper: groups of channels are normalised within one example (Wu and He, ECCV 2018) where the
    paper normalises by the batch, so that a run does not depend on what else is in its batch; and the mean stands in
    the place of all numbers that are left, so that the size of the image does not change that of the heads.

    Source: Vinyals, Blundell, Lillicrap, Kavukcuoglu and Wierstra, Matching Networks for One Shot Learning, NIPS
    2016, section 4.1.1.

    Args:
        channels: maps of every convolution, which is also the number of features.
        depth: number of blocks.
        groups: of each normalisation; it divides `channels`.
    """

    channels: int = 64
    depth: int = 4
    groups: int = 8

    def faults(self) -> Iterator[Fault]:
        if self.channels < 1:
            yield Fault("channels", "must be at least 1", self.channels)
        elif self.groups < 1 or self.channels % self.groups:
            yield Fault("groups", f"must be at least 1 and divide channels, {self.channels}", self.groups)
        yield from part_faults("depth", self.depth)

    def build(self, input_shape: tuple[int, ...]) -> Encoder:
        """Return the encoder: `depth` blocks, the last of which averages over the image.

        Raises:
            ConfigError: inputs are no images of at least 2x2 pixels, or a group has one number of an example alone.
        """
        before, *sides = image_shape(input_shape, LEAST)
        blocks = []
        for _ in range(self.depth):
            layer = nn.Conv2d(before, self.channels, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if self.channels == self.groups and sides == [1, 1]:
                rule = "must be fewer than channels, where images shrink to one pixel: each would be made 0"
                raise ConfigError([Fault("model.groups", rule, self.groups)])
            block = nn.Sequential(layer, nn.GroupNorm(self.groups, self.channels), nn.ReLU())
            if min(sides) >= LEAST:
                block.append(nn.MaxPool2d(2))
                sides = [side // 2 for side in sides]
            blocks.append(block)
            before = self.channels
        blocks[-1].extend([nn.AdaptiveAvgPool2d(1), nn.Flatten()])
        return Encoder(blocks, self.channels)

    def of_width(self, units: int) -> DeepConvNet:
        """Return the model with so many channels, and one more, in each group of a normalisation."""
        return replace(self, channels=(units + 1) * self.groups)
