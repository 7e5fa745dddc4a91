"""Linear encoder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import nn

from mtlrun.errors import Fault
from mtlrun.models.base import Encoder, Model


@dataclass
class Linear(Model):
    """One dense layer without activation: a shared linear map to `width` features.

    With linear heads this is reduced-rank regression of rank `width`. Width 1 makes tasks compete for one
    direction; at least as many features as tasks cost no task anything. Weights and biases start uniform in
    +-1/sqrt(fan_in), torch's default.

    Source: Izenman, Reduced-Rank Regression for the Multivariate Linear Model, Journal of Multivariate Analysis 5,
    1975; its width is the rank, and has no default there.

    Args:
        width: number of features.
        bias: whether the layer has a bias.
    """

    width: int = 64
    bias: bool = True

    def faults(self) -> Iterator[Fault]:
        if self.width < 1:
            yield Fault("width", "must be at least 1", self.width)

    def build(self, input_shape: tuple[int, ...]) -> Encoder:
        layer = nn.Linear(math.prod(input_shape), self.width, bias=self.bias)
        return Encoder([nn.Sequential(nn.Flatten(), layer)], self.width)

    @property
    def linear_features(self) -> int | None:
        return None if self.bias else self.width

    def of_width(self, units: int) -> Linear:
        return replace(self, width=units)
