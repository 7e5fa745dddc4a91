"""Small layers that schemes put between an encoder's blocks, for features (F,) and for images (C, H, W)."""

from __future__ import annotations

import math

from torch import nn

from mtlrun.errors import ConfigError, Fault

Shape = tuple[int, ...]
"""Of one example."""


def pointwise(shape: Shape, outputs: int) -> nn.Module:
    """Return a linear map of features, or of the channels of each pixel, to as many outputs.

    Raises:
        ConfigError: the shape is neither of features nor of an image.
    """
    _check(shape)
    return nn.Conv2d(shape[0], outputs, 1) if len(shape) == 3 else nn.Linear(shape[0], outputs)


def resized(inputs: Shape, outputs: Shape) -> nn.Module:
    """Return a learned map, with ReLU, from one shape to another.

    Images become images by a 3x3 convolution and the mean over the pixels that fall together; whatever else is
    flattened and goes through a dense layer.

    Raises:
        ConfigError: as of `pointwise`.
    """
    _check(inputs)
    _check(outputs)
    if len(outputs) == 1:
        return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(inputs), outputs[0]), nn.ReLU())
    if len(inputs) == 1:
        raise ConfigError([Fault("model", "must not go from features back to images", inputs)])
    layers: list[nn.Module] = [nn.Conv2d(inputs[0], outputs[0], 3, padding=1), nn.ReLU()]
    if inputs[1:] != outputs[1:]:
        layers.append(nn.AdaptiveAvgPool2d((outputs[1], outputs[2])))
    return nn.Sequential(*layers)


def _check(shape: Shape) -> None:
    if len(shape) not in (1, 3):
        rule = "must have features or images (channels, height, width) behind every layer for this sharing"
        raise ConfigError([Fault("model", rule, shape)])
