"""Encoders as users bring them, for 8x8 images."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Rows(nn.Module):
    """An LSTM over the rows of an image, which vmap has no rule for."""

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, hidden, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        out, _ = self.lstm(images.squeeze(1))
        return out[:, -1]


class Branching(nn.Module):
    """Branches on a value, with a buffer that every run draws, a tensor that is no buffer, and tied weights."""

    def __init__(self, width: int, input_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.dense = nn.Linear(input_shape[0] * input_shape[1] * input_shape[2], width)
        self.again = nn.Linear(width, width)
        self.tied = nn.Linear(width, width)
        self.tied.weight = self.again.weight
        self.register_buffer("scale", torch.rand(width))
        self.half = torch.tensor(0.5)

    def forward(self, images: Tensor) -> Tensor:
        out = self.dense(images.flatten(1)) * self.scale
        if out.mean().item() > 0:
            out = out * self.half.to(out.dtype)
        return self.tied(torch.tanh(self.again(out)))


class Map(nn.Module):
    """Gives a feature map, of layers that vmap takes; with a parameter of its own and a buffer of all runs."""

    def __init__(self, width: int = 16, last: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.gain = nn.Parameter(torch.ones(1))
        self.register_buffer("shift", torch.full((1,), 0.1))
        self.last = last

    def forward(self, images: Tensor) -> Tensor:
        out = torch.tanh(self.norm(self.first(images))) * self.gain + self.shift
        return out.movedim(1, -1) if self.last else out


class Named(nn.Module):
    """Can be cut between its attributes."""

    def __init__(self, backwards: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Flatten(), nn.Linear(64, 16))
        self.layers = nn.ModuleList([nn.Linear(16, 16), nn.Linear(16, 16)])
        self.backwards = backwards

    def forward(self, images: Tensor) -> Tensor:
        out = self.stem(images)
        for layer in reversed(self.layers) if self.backwards else self.layers:
            out = layer(out)
        return out


class Renormed(nn.Module):
    """Bounds the rows of its weights, by an operation that vmap takes by a loop inside."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, 64))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ torch.renorm(self.weight, 2, 0, 1.0).T


class Gated(nn.Module):
    """Half of a dense layer's outputs times the other half, for examples of any shape."""

    def __init__(self, input_shape: tuple[int, ...], width: int = 16) -> None:
        super().__init__()
        self.dense = nn.Linear(math.prod(input_shape), 2 * width)

    def forward(self, inputs: Tensor) -> Tensor:
        value, gate = self.dense(inputs.flatten(1)).chunk(2, -1)
        return value * gate.sigmoid()


class Noisy(nn.Module):
    """Draws random numbers."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) + torch.rand(64)


class Training(nn.Module):
    """Draws random numbers in training."""

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.dropout(images, 0.5, self.training).flatten(1)


class Counting(nn.Module):
    """Changes a buffer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        self.seen += len(images)
        return images.flatten(1)


class Dropping(nn.Module):
    """Has a dropout layer."""

    def __init__(self, rate: float = 0.5) -> None:
        super().__init__()
        self.drop = nn.Dropout(rate)

    def forward(self, images: Tensor) -> Tensor:
        return self.drop(images).flatten(1)


class Giving(nn.Module):
    """Gives what it is asked for, which no encoder may."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def forward(self, images: Tensor) -> object:
        known = {
            "pair": (images, images),
            "numbers": images.flatten(1).argmax(1),
            "scalar": images.mean(),
            "other batch": images.reshape(1, -1),
        }
        return known[self.what]


class Uncopied(nn.Module):
    """Holds a tensor that was computed from a parameter, which cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(64))

    def forward(self, images: Tensor) -> Tensor:
        with torch.enable_grad():
            self.doubled = 2 * self.weight
        return images.flatten(1) * self.doubled


class Failing(nn.Module):
    """Cannot be built."""

    def __init__(self) -> None:
        super().__init__()
        raise KeyError("no such thing")


def sequence(width: int = 16) -> nn.Module:
    """Return an `nn.Sequential` of layers with rules; a function, no class."""
    first = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU())
    return nn.Sequential(first, nn.Sequential(nn.Linear(width, width), nn.ReLU()))


def lazy(width: int = 16) -> nn.Module:
    """Return layers that take their sizes from the first batch."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(width), nn.GELU(approximate="tanh"))


def number() -> int:
    """Return no module."""
    return 3
