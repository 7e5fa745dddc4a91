"""Lateral connections from earlier tasks' columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from mtlrun.errors import Fault
from mtlrun.sharing.base import Body, MakeEncoder, Sharing
from mtlrun.sharing.layers import Shape, pointwise
from mtlrun.sharing.mixing import block_shapes


@dataclass
class Lateral(Sharing):
    """Progressive networks: a column per task; later columns read earlier ones and never change them.

    Behind each block, h_k' = h_k + U relu(V [h_1'; ...; h_{k-1}'] + b) + c, with V to `rank` dimensions and U back;
    on images, of the channels of each pixel. Columns are in the order of the suite's tasks. What is read is cut from
    differentiation, so a column is its own task's alone: the first task trains as its baseline does, nothing
    is shared, and every gradient method acts as `equal` does. With schedule=sequential columns are trained one after
    another and frozen, as in the paper; with schedule=joint later columns read columns that still learn. Laterals
    act behind a block's ReLU (before it in the paper). U and c begin at 0, columns with the baseline's weights.

    Cost: a pass through each of T encoders, and through the laterals.
    Source: Rusu et al., Progressive Neural Networks, arXiv 1606.04671, 2016, eq. 2.

    Args:
        rank: dimensions between V and U, at least 1.
    """

    rank: int = 16

    def faults(self) -> Iterator[Fault]:
        if self.rank < 1:
            yield Fault("rank", "must be at least 1 (sharing=separate has no connections)", self.rank)

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        shapes = block_shapes(make_encoder)
        connections = [
            make_encoder.module(f"lateral/{task}/{layer}", partial(Connection, shape, task, self.rank))
            for task in range(1, len(sources))
            for layer, shape in enumerate(shapes)
        ]
        return Columns(make_encoder, connections, sources)


class Connection(nn.Module):
    """A map from earlier columns' activations through few dimensions, 0 at first.

    Args:
        shape: of one example of one column.
        columns: how many are read.
        rank: the few dimensions.
    """

    any_leading_axes = True

    def __init__(self, shape: Shape, columns: int, rank: int) -> None:
        super().__init__()
        self.channel_axis = -len(shape)
        down = pointwise((columns * shape[0], *shape[1:]), rank)
        up = pointwise((rank, *shape[1:]), shape[0])
        for parameter in up.parameters():
            nn.init.zeros_(parameter)
        self.layers = nn.Sequential(down, nn.ReLU(), up)

    def forward(self, earlier: Sequence[Tensor]) -> Tensor:
        """Map activations (B, *shape) of each earlier column, which get no gradient, to one of that shape."""
        return self.layers(torch.cat([state.detach() for state in earlier], self.channel_axis))


class Columns(Body):
    """A column of blocks per task, and connections from earlier columns behind every block.

    Args:
        make_encoder: gives the columns.
        connections: of all columns but the first, column by column, one a block.
        sources: the source that each task reads.
    """

    any_leading_axes = True

    def __init__(
        self, make_encoder: MakeEncoder, connections: Sequence[Connection], sources: Sequence[int]
    ) -> None:
        super().__init__()
        encoders = [make_encoder() for _ in sources]
        self.features, self.depth, self.sources = encoders[0].features, len(encoders[0]), tuple(sources)
        self.blocks = nn.ModuleList(block for encoder in encoders for block in encoder)  # column by column
        self.connections = nn.ModuleList(connections)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        found: dict[int, Tensor] = {}
        for source in set(self.sources):
            readers = [task for task, read in enumerate(self.sources) if read == source]
            states = self._columns(inputs[source], max(readers) + 1)
            found |= {task: states[task] for task in readers}
        return [found[task] for task in range(len(self.sources))]

    def _columns(self, inputs: Tensor, count: int) -> list[Tensor]:
        """Return the features (B, F) of the first columns."""
        before = [inputs] * count
        for layer in range(self.depth):
            states: list[Tensor] = []
            for column, state in enumerate(before):
                state = self.blocks[column * self.depth + layer](state)
                if column:
                    state = state + self.connections[(column - 1) * self.depth + layer](states)
                states.append(state)
            before = states
        return before

    def owner(self, name: str) -> int | None:
        part, number, _ = name.split(".", 2)
        return int(number) // self.depth + (part == "connections")
