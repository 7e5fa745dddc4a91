"""Transformer over the numbers of an example.

Modules count axes from the end, so that they fit stacked inputs of many lanes too: with parameters (R, ...) inputs
are (R, B, ...). Shape letters: R lanes, B batch, W numbers of an example, T tokens, D units of a token, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtlrun.errors import MOST_PARTS, Fault, part_faults
from mtlrun.models.base import Encoder, Model


class Tokens(nn.Module):
    """Makes a token of each number, number times weight plus bias, behind a first token that is the same for all.

    Args:
        numbers: W.
        units: D.
    """

    any_leading_axes = True

    def __init__(self, numbers: int, units: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(units)
        self.weight, self.bias, self.first = (
            nn.Parameter(torch.empty(rows, units).uniform_(-bound, bound)) for rows in (numbers, numbers, 1)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, W) to (B, 1 + W, D)."""
        weight, bias, first = (p.unsqueeze(-3) for p in (self.weight, self.bias, self.first))
        tokens = inputs.unsqueeze(-1) * weight + bias
        return torch.cat([first.expand(*tokens.shape[:-2], 1, -1), tokens], -2)


class TokenNorm(nn.Module):
    """Layer normalisation (Ba, Kiros and Hinton 2016) of rows (N, D), with scale 1 and shift 0 at first.

    Args:
        units: D.
    """

    any_leading_axes = True

    def __init__(self, units: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(units)), nn.Parameter(torch.zeros(units))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the shape of the inputs, (N, D)."""
        normed = F.layer_norm(inputs, inputs.shape[-1:])
        return normed * self.weight.unsqueeze(-2) + self.bias.unsqueeze(-2)


class Attention(nn.Module):
    """Attention of some tokens to all (Vaswani et al. 2017), by several heads side by side.

    Args:
        units: D, a multiple of the heads.
        heads: H.
    """

    any_leading_axes = True

    def __init__(self, units: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(units, units) for _ in range(4))
        for layer in (self.query, self.key, self.value, self.out):
            nn.init.zeros_(layer.bias)

    def forward(self, asking: Tensor, rows: Tensor, examples: int) -> Tensor:
        """Map (B * T', D) that ask and (B * T, D) that are asked to (B * T', D).

        Args:
            asking: normalised tokens, example by example.
            rows: likewise.
            examples: B.
        """
        query = self._by_head(self.query(asking), examples)
        key, value = (self._by_head(layer(rows), examples) for layer in (self.key, self.value))
        scores = query @ key.mT / math.sqrt(query.shape[-1])
        return self.out((scores.softmax(-1) @ value).transpose(-3, -2).flatten(-2).flatten(-3, -2))

    def _by_head(self, rows: Tensor, examples: int) -> Tensor:
        """Map (B * T, D) to (B, H, T, D / H)."""
        return rows.unflatten(-2, (examples, -1)).unflatten(-1, (self.heads, -1)).transpose(-3, -2)


class TransformerBlock(nn.Module):
    """Attention, then a feed-forward part, each added to its inputs and normalised before it.

    The feed-forward part is ReGLU (Shazeer 2020): one half of a dense layer's outputs times the ReLU of the other,
    then a dense layer.

    Args:
        units: D.
        heads: of the attention.
        hidden: units between the two dense layers.
        normed: whether the attention's inputs are normalised; those of the first block are not.
        last: whether only the first token goes on, as features (B, D), normalised and with ReLU.
    """

    any_leading_axes = True

    def __init__(self, units: int, heads: int, hidden: int, normed: bool, last: bool) -> None:
        super().__init__()
        self.attention_norm: nn.Module = TokenNorm(units) if normed else nn.Identity()
        self.attention = Attention(units, heads)
        self.forward_norm = TokenNorm(units)
        self.rise, self.fall = nn.Linear(units, 2 * hidden), nn.Linear(hidden, units)
        self.last_norm: nn.Module = TokenNorm(units) if last else nn.Identity()
        self.last = last

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D), or of the last block to (B, D)."""
        examples, asking = inputs.shape[-3], inputs[..., :1, :] if self.last else inputs
        rows, tokens = (x.flatten(-3, -2) for x in (inputs, asking))
        seen = self.attention_norm(rows)
        own = self.attention_norm(tokens) if self.last else seen
        tokens = tokens + self.attention(own, seen, examples)
        linear, gate = self.rise(self.forward_norm(tokens)).chunk(2, -1)
        tokens = tokens + self.fall(linear * F.relu(gate))
        return F.relu(self.last_norm(tokens)) if self.last else tokens.unflatten(-2, (examples, -1))


@dataclass
class TabularTransformer(Model):
    """FT-Transformer: every number of an example becomes a token, and a transformer's first token the features.

    Sizes are the paper's default: 3 blocks of 192 units, 8 heads, feed-forward layers of 4/3 of the units with ReGLU;
    normalisation stands before each part but the very first; the last block's first token is normalised and goes
    through a ReLU below the heads. Tokens start uniform in +-1/sqrt(units), dense layers as torch's default, the
    attention's biases at 0. The paper trains with AdamW at a learning rate of 1e-4 and weight decay 1e-5.

    Differs from the paper: there is no dropout inside (the paper has 0.2 on attention, 0.1 in feed-forward layers),
    since the draws of a run come from its own streams; regularization=dropout drops behind every block. Categories
    are what the suite makes of them: a token for each of their ones and zeros, or each number of an embedding.

    Source: Gorishniy, Rubachev, Khrulkov and Babenko, Revisiting Deep Learning Models for Tabular Data, NeurIPS 2021.

    Args:
        width: units of a token, which is also the number of features; a multiple of heads.
        depth: number of blocks.
        heads: of each attention.
        hidden: units of a feed-forward layer, in parts of the width.
    """

    width: int = 192
    depth: int = 3
    heads: int = 8
    hidden: float = 4 / 3

    def faults(self) -> Iterator[Fault]:
        if self.heads < 1:
            yield Fault("heads", "must be at least 1", self.heads)
        elif self.width < 1 or self.width % self.heads:
            yield Fault("width", f"must be a multiple of heads, {self.heads}", self.width)
        yield from part_faults("depth", self.depth)
        if self.hidden * self.width < 1:
            yield Fault("hidden", "must leave at least 1 unit", self.hidden)
        elif self.hidden > MOST_PARTS:
            yield Fault("hidden", f"must be at most {MOST_PARTS:,} widths", self.hidden)

    def build(self, input_shape: tuple[int, ...]) -> Encoder:
        """Return the encoder: the tokens, then the blocks."""
        tokens = nn.Sequential(nn.Flatten(), Tokens(math.prod(input_shape), self.width))
        blocks = [
            TransformerBlock(
                self.width, self.heads, int(self.width * self.hidden), place > 0, place == self.depth - 1
            )
            for place in range(self.depth)
        ]
        return Encoder([tokens, *blocks], self.width)

    def of_width(self, units: int) -> TabularTransformer:
        """Return the model with so many units in each head."""
        return replace(self, width=units * self.heads)
