"""Weighted sums of activations, for one run or, counted from the last axis, for stacked runs.

Shape letters: R lanes, B batch, N parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtlrun.sharing.base import MakeEncoder


def mix(parts: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Return the sum of N activations, (..., B, *shape), with one weight for each.

    Args:
        parts: of one shape.
        weights: (..., N), (..., 1, N) or (..., B, N); leading axes are those of the parts.
    """
    terms = [part * _spread(weight, part) for part, weight in zip(parts, weights.unbind(-1), strict=True)]
    return sum(terms[1:], terms[0])


def block_shapes(make_encoder: MakeEncoder) -> list[tuple[int, ...]]:
    """Return the shape of one example after each block of the encoder."""
    shapes: list[tuple[int, ...]] = []
    with torch.device("cpu"), torch.no_grad():  # really computed: shapes on `meta` import for seconds
        example = torch.zeros(1, *make_encoder.input_shape)
        for block in make_encoder():
            example = block(example)
            shapes.append(tuple(example.shape[1:]))
    return shapes


class Mixing(nn.Module):
    """A sum of activations with learned weights that are the same for every example.

    Args:
        weights: the N weights to begin with.
    """

    any_leading_axes = True

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weights))

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the sum of N activations (B, ...)."""
        return mix(parts, self.weight)


class Gate(nn.Module):
    """Weights of N parts for each example: softmax of a linear map of the flattened input, without bias.

    The map begins at 0, so that all parts begin with the same weight.

    Args:
        size: elements of one input.
        parts: N.
    """

    any_leading_axes = True

    def __init__(self, size: int, parts: int) -> None:
        super().__init__()
        linear = nn.Linear(size, parts, bias=False)
        nn.init.zeros_(linear.weight)
        self.layers = nn.Sequential(nn.Flatten(), linear)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, ...) to weights (B, N) that sum to 1."""
        return self.layers(inputs).softmax(-1)


def _spread(weight: Tensor, like: Tensor) -> Tensor:
    """Return a weight with axes of size 1 behind its own, as many axes as an activation has."""
    return weight.reshape(*weight.shape, *[1] * (like.dim() - weight.dim()))
