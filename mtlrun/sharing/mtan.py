"""Multi-task attention network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from mtlrun.sharing.base import Body, MakeEncoder, Sharing
from mtlrun.sharing.layers import Shape, pointwise, resized
from mtlrun.sharing.mixing import block_shapes


@dataclass
class MTAN(Sharing):
    """MTAN: one encoder for all tasks; each task picks features of every block by learned masks.

    a_l = sigmoid(h(relu(g([p_l; f(q_{l-1})])))) and q_l = a_l * p_l, with p_l the shared block's output and q_l what
    the task goes on with; the first block has no q before it. g and h are dense layers, or 1x1 convolutions on
    images, as wide as the block's output; f is a dense layer, or a 3x3 convolution and the mean that fits the
    smaller image, with ReLU. The encoder is shared; masks are each task's own.

    Differs from the paper: the block's output is also what g reads, since a block is one unit here (the paper
    reads its first convolution); there is no batch normalisation, so that examples do not depend on each other.
    Tasks do not begin with their baseline's function: masks begin near 1/2.

    Cost: a pass through one encoder, and T through masks of two or three layers a block.
    Source: Liu, Johns and Davison, End-to-End Multi-Task Learning with Attention, CVPR 2019, eqs. 1 and 2.
    """

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        shapes = block_shapes(make_encoder)
        before = [None, *shapes[:-1]]
        masks = [
            make_encoder.module(f"attention/{task}/{layer}", partial(Attention, *pair))
            for task in range(len(sources))
            for layer, pair in enumerate(zip(shapes, before, strict=True))
        ]
        return AttendedTrunk(make_encoder, masks, sources)


class Attention(nn.Module):
    """A task's mask on the output of a shared block.

    Args:
        shape: of one example of the block's output.
        before: of what the task picked from the block before, or None for the first block.
    """

    any_leading_axes = True

    def __init__(self, shape: Shape, before: Shape | None) -> None:
        super().__init__()
        self.channel_axis = -len(shape)
        self.carry = None if before is None else resized(before, shape)
        read = (shape[0] * (1 if before is None else 2), *shape[1:])
        self.mask = nn.Sequential(
            pointwise(read, shape[0]), nn.ReLU(), pointwise(shape, shape[0]), nn.Sigmoid()
        )

    def forward(self, shared: Tensor, picked: Tensor | None) -> Tensor:
        """Map a block's output (B, *shape) and what was picked before (B, *before) to what is picked now."""
        read = shared
        if self.carry is not None:
            read = torch.cat([shared, self.carry(picked)], self.channel_axis)
        return self.mask(read) * shared


class AttendedTrunk(Body):
    """A shared trunk of blocks and each task's masks on their outputs, which are the shared representation.

    Args:
        make_encoder: gives the trunk.
        masks: task by task, one a block.
        sources: the source that each task reads.
    """

    any_leading_axes = True
    splits = True

    def __init__(self, make_encoder: MakeEncoder, masks: Sequence[Attention], sources: Sequence[int]) -> None:
        super().__init__()
        trunk = make_encoder()
        self.features, self.sources = trunk.features, tuple(sources)
        self.read = sorted(set(sources))
        self.trunk, self.masks = nn.ModuleList(trunk), nn.ModuleList(masks)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return self.finish(self.represent(inputs))

    def represent(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return the outputs of all blocks, for each source that is read."""
        found = []
        for source in self.read:
            state = inputs[source]
            for block in self.trunk:
                state = block(state)
                found.append(state)
        return found

    def finish(self, representations: Sequence[Tensor]) -> list[Tensor]:
        depth = len(self.trunk)
        begins = [self.read.index(source) * depth for source in self.sources]
        return [self._path(t, representations[begin : begin + depth]) for t, begin in enumerate(begins)]

    def _path(self, task: int, shared: Sequence[Tensor]) -> Tensor:
        """Return a task's features from the outputs of all blocks."""
        masks = self.masks[task * len(shared) : (task + 1) * len(shared)]
        picked = masks[0](shared[0], None)
        for mask, state in zip(masks[1:], shared[1:], strict=True):
            picked = mask(state, picked)
        return picked

    def layer(self, name: str) -> str:
        return f"layer {int(name.split('.')[1]) + 1}"

    def owner(self, name: str) -> int | None:
        part, number, _ = name.split(".", 2)
        return int(number) // len(self.trunk) if part == "masks" else None
