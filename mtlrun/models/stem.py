"""First layers of a source of examples: embeddings of categories, and what brings sources to one width."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtlrun.models.base import Encoder, Model


class Embeddings(nn.Module):
    """Puts an embedding in the place of each category, whose numbers stand last in an example: ones and zeros.

    An embedding is a dense layer without bias on them, so that a category which none of them tells is 0. Weights
    start standard normal, torch's default for embeddings.

    Args:
        numbers: of an example.
        embedded: for each category how many of them tell it, and how many its embedding has.

    Attributes:
        features: size of the output.
    """

    any_leading_axes = True

    def __init__(self, numbers: int, embedded: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        plain = numbers - sum(width for width, _ in embedded)
        self.sizes = [plain, *(width for width, _ in embedded)]
        self.features = plain + sum(size for _, size in embedded)
        tables = [nn.Linear(width, size, bias=False) for width, size in embedded]
        for table in tables:
            nn.init.normal_(table.weight)
        self.tables = nn.ModuleList(tables)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (..., B, numbers) to (..., B, features)."""
        plain, *told = inputs.split(self.sizes, -1)
        return torch.cat([plain, *(table(x) for table, x in zip(self.tables, told, strict=True))], -1)


def embedding_encoder(model: Model, numbers: int, embedded: Sequence[tuple[int, int]]) -> Encoder:
    """Return a model's encoder whose first block begins with embeddings."""
    first = Embeddings(numbers, embedded)
    encoder = model.made((first.features,))
    block, *rest = encoder
    return Encoder([nn.Sequential(first, block), *rest], encoder.features)


def stem(numbers: int, units: int, embedded: Sequence[tuple[int, int]]) -> nn.Module:
    """Return a source's own first layer, from its numbers to as many as every source has: a dense one with bias.

    There is no activation behind it, so that a linear model stays linear.

    Args:
        numbers: of an example.
        units: that it makes of them.
        embedded: as of `Embeddings`.
    """
    first = [Embeddings(numbers, embedded)] if embedded else []
    return nn.Sequential(*first, nn.Linear(first[0].features if first else numbers, units))
