"""Layers of images over lanes: the lanes' channels lie side by side, as groups of one convolution.

Inputs (R, B, C, H, W) are seen as (B, R*C, H, W), a view wherever such a layer gave them, and one grouped kernel
serves all lanes. As many lanes pass at once as the cache holds: small images come many lanes at a time, large
ones lane by lane, which is what a loop over runs does.

Shape letters: R lanes, B batch, C channels, H and W height and width.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHUNK_ELEMENTS = 2**20
"""Elements of an image network's widest maps that a CPU works on at once: 4 MiB of float32. A quarter of it costs
small images up to a fifth, four times as much costs large ones as much again."""

POOLINGS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


class StackedLayer(nn.Module):
    """A layer with the parameters of R runs.

    Attributes:
        held: its parameters, (R, ...), in the order of the plain layer's; set before every call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Tensor] = []


class InChunks(nn.Module):
    """Stacked layers of images, called on as many lanes at once as the cache holds; all at once but on a CPU.

    Args:
        layers: a network, or the part of it that maps images.
    """

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self._stacked = [m for m in layers.modules() if isinstance(m, StackedLayer)]
        convolutions = [m for m in self._stacked if isinstance(m, StackedConv2d)]
        self._maps = convolutions[0].maps if convolutions else 1

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (R, B, C, H, W) to whatever the layers give, (R, ...)."""
        size = chunk_lanes(inputs, self._maps)
        if size == len(inputs):
            return self.layers(inputs)
        whole = [layer.held for layer in self._stacked]
        split = [[p.split(size) for p in held] for held in whole]
        outputs = []
        try:
            for place, part in enumerate(inputs.split(size)):
                for layer, pieces in zip(self._stacked, split, strict=True):
                    layer.held = [p[place] for p in pieces]
                outputs.append(self.layers(part))
        finally:
            for layer, held in zip(self._stacked, whole, strict=True):
                layer.held = held
        return torch.cat(outputs)


def chunk_lanes(inputs: Tensor, maps: int) -> int:
    """Return how many of the lanes of inputs (R, B, C, H, W) to pass at once, for chunks of about equal size.

    Args:
        inputs: of a part of a network.
        maps: channels of that part's first convolution.
    """
    lanes, batch, channels, height, width = inputs.shape
    if inputs.device.type != "cpu":
        return lanes
    fitting = max(1, CHUNK_ELEMENTS // (batch * max(channels, maps) * height * width))
    return math.ceil(lanes / math.ceil(lanes / fitting))


class StackedConv2d(StackedLayer):
    """`nn.Conv2d` of R runs: weights (R, out, in / groups, kernel height, kernel width), biases (R, out)."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.stride, self.dilation = layer.stride, layer.dilation
        self.padding: Any = layer.padding  # numbers or a word, as torch takes them
        self.groups, self.maps = layer.groups, layer.out_channels

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (R, B, out, H', W')."""
        (weight, *biases), lanes = self.held, len(inputs)
        bias = biases[0].flatten() if biases else None
        stride, dilation, groups = self.stride, self.dilation, lanes * self.groups
        weights = weight.flatten(0, 1)
        return unfold(F.conv2d(fold(inputs), weights, bias, stride, self.padding, dilation, groups), lanes)


class StackedGroupNorm(StackedLayer):
    """`nn.GroupNorm` of R runs on images: scales and shifts (R, C)."""

    def __init__(self, layer: nn.GroupNorm) -> None:
        super().__init__()
        self.groups, self.eps = layer.num_groups, layer.eps

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the shape of the inputs."""
        lanes, flat = len(inputs), [p.flatten() for p in self.held]
        weight, bias = [*flat, None, None][:2]
        return unfold(F.group_norm(fold(inputs), lanes * self.groups, weight, bias, self.eps), lanes)


class StackedPool2d(nn.Module):
    """A pooling layer of R runs.

    On a CPU, torch's max-pooling uses vector instructions only where the channels of a pixel lie together.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self._channels_last = isinstance(layer, nn.MaxPool2d)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (R, B, C, H', W')."""
        images = fold(inputs)
        if self._channels_last and images.device.type == "cpu":
            images = images.contiguous(memory_format=torch.channels_last)
        return unfold(self.layer(images), len(inputs))


def fold(images: Tensor) -> Tensor:
    """Return (R, B, C, H, W) as (B, R*C, H, W)."""
    if len(images) == 1:  # fewer views for a lone run, whose small layers cost little more than their calls
        return images.squeeze(0)
    return images.transpose(0, 1).flatten(1, 2)


def unfold(images: Tensor, lanes: int) -> Tensor:
    """Return (B, R*C, H, W) as (R, B, C, H, W), a view."""
    if lanes == 1:
        return images.unsqueeze(0)
    return images.unflatten(1, (lanes, -1)).transpose(0, 1)


def has_image_rule(module: nn.Module) -> bool:
    """Whether `image_layer` serves a module."""
    if type(module) is nn.Conv2d:
        return module.padding_mode == "zeros"
    if type(module) is nn.MaxPool2d:
        return not module.return_indices
    return type(module) in (nn.GroupNorm, *POOLINGS)


def image_layer(module: nn.Module) -> nn.Module:
    """Return the layer over lanes of one run's layer that `has_image_rule` accepts; only settings are used."""
    if isinstance(module, nn.Conv2d):
        return StackedConv2d(module)
    if isinstance(module, nn.GroupNorm):
        return StackedGroupNorm(module)
    return StackedPool2d(module)


def chunk_images(module: nn.Module) -> None:
    """Put into chunks each outermost sequence, below a module, that has layers of images."""
    for name, child in module.named_children():
        if not isinstance(child, nn.Sequential):
            chunk_images(child)
        elif any(isinstance(m, StackedConv2d | StackedGroupNorm | StackedPool2d) for m in child.modules()):
            setattr(module, name, InChunks(child))
