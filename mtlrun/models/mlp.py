"""Multi-layer perceptron."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import nn

from mtlrun.errors import Fault, part_faults
from mtlrun.models.base import Encoder, Model


@dataclass
class MLP(Model):
    """Multi-layer perceptron: `depth` dense layers of `width` units, each with a ReLU.

    Weights and biases start uniform in +-1/sqrt(fan_in), torch's default for dense layers. No size is the published
    one: the source's networks have a handful of units.

    Source: Rumelhart, Hinton and Williams, Learning Representations by Back-propagating Errors, Nature 323, 1986, in
    today's form: ReLU for the logistic function.

    Args:
        width: units of every layer, which is also the number of features.
        depth: number of layers.
        bias: whether layers have a bias.
    """

    width: int = 64
    depth: int = 2
    bias: bool = True

    def faults(self) -> Iterator[Fault]:
        if self.width < 1:
            yield Fault("width", "must be at least 1", self.width)
        yield from part_faults("depth", self.depth)

    def build(self, input_shape: tuple[int, ...]) -> Encoder:
        sizes = [math.prod(input_shape)] + [self.width] * self.depth
        blocks = [
            nn.Sequential(nn.Flatten(), nn.Linear(a, b, bias=self.bias), nn.ReLU())
            for a, b in itertools.pairwise(sizes)
        ]
        return Encoder(blocks, self.width)

    def of_width(self, units: int) -> MLP:
        return replace(self, width=units)
