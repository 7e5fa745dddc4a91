"""Residual network for small images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from mtlrun.config import ADDED
from mtlrun.errors import Fault
from mtlrun.models.base import Encoder, Model
from mtlrun.models.images import image_shape

STAGES = (2, 2, 2, 2)  # blocks of each stage; channels double and the image halves from stage to stage
LEAST = 8  # pixels a side, so that three halvings leave at least one


class BasicBlock(nn.Module):
    """Two normalised 3x3 convolutions, added to the input (He et al. 2016, figure 2).

    Where the shape changes, the input is projected by a 1x1 convolution (option B of the paper).

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        stride: 1, or 2 to halve the image.
        norm: makes a normalisation of so many channels.
    """

    any_leading_axes = True  # forward only calls modules and elementwise functions

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, 3, stride)
        self.first_norm = norm(outputs)
        self.second = _convolution(outputs, outputs, 3, 1)
        self.second_norm = norm(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            projection = _convolution(inputs, outputs, 1, stride)
            self.shortcut = nn.Sequential(projection, norm(outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, ceil(H / stride), ceil(W / stride))."""
        hidden = F.relu(self.first_norm(self.first(inputs)))
        return F.relu(self.second_norm(self.second(hidden)) + self.shortcut(inputs))


@dataclass
class ResNet18(Model):
    """ResNet-18 for small images: a 3x3 stem, eight residual blocks, the mean over the image.

    The stem neither strides nor pools, as is usual for images of 32 pixels and fewer. By default groups of channels
    are normalised within one example, so that a run does not depend on what else is in its batch. `norm=batch` is
    the paper's: normalised by the batch in training and by running statistics (momentum 0.1) in evaluation, every
    run by its own. A shared encoder whose tasks have inputs of their own then sees one batch after another.

    Sizes are the paper's: stages of 64, 128, 256 and 512 channels, two blocks each.

    Source: He, Zhang, Ren and Sun, Deep Residual Learning, CVPR 2016; weights start as in He et al., ICCV 2015;
    group normalisation: Wu and He, ECCV 2018.

    Args:
        channels: of the first stage; there are 8 times as many features.
        groups: of each group normalisation; it divides `channels`.
        norm: `group` or `batch`.
    """

    channels: int = 64
    groups: int = 8
    norm: Literal["group", "batch"] = field(default="group", metadata=ADDED)

    def faults(self) -> Iterator[Fault]:
        if self.channels < 1:
            yield Fault("channels", "must be at least 1", self.channels)
        elif self.groups < 1 or self.channels % self.groups:
            yield Fault("groups", f"must be at least 1 and divide channels, {self.channels}", self.groups)

    def build(self, input_shape: tuple[int, ...]) -> Encoder:
        """Return the encoder: the stem and eight residual blocks, the last of which averages over the image.

        Raises:
            ConfigError: inputs are no images of at least 8x8 pixels.
        """
        channels, _, _ = image_shape(input_shape, LEAST)
        stem = _convolution(channels, self.channels, 3, 1)
        blocks: list[nn.Module] = [nn.Sequential(stem, self._norm(self.channels), nn.ReLU())]
        before = self.channels
        for stage, count in enumerate(STAGES):
            after = self.channels * 2**stage
            for position in range(count):
                stride = 2 if stage > 0 and position == 0 else 1
                blocks.append(BasicBlock(before, after, stride, self._norm))
                before = after
        blocks[-1] = nn.Sequential(blocks[-1], nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return Encoder(blocks, before)

    def _norm(self, channels: int) -> nn.Module:
        return nn.GroupNorm(self.groups, channels) if self.norm == "group" else nn.BatchNorm2d(channels)

    def of_width(self, units: int) -> ResNet18:
        """Return the model with so many channels in each group of a normalisation."""
        return replace(self, channels=units * self.groups)


def _convolution(inputs: int, outputs: int, size: int, stride: int) -> nn.Conv2d:
    """Return a convolution that keeps the size of the image but for its stride; a normalisation has the bias."""
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
