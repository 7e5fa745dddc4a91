"""Task adapters on a shared trunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from mtlrun.errors import Fault
from mtlrun.sharing.base import Body, MakeEncoder, Sharing
from mtlrun.sharing.layers import Shape, pointwise
from mtlrun.sharing.mixing import block_shapes


@dataclass
class Adapters(Sharing):
    """Adapters: one encoder for all tasks, and behind each of its blocks a small residual layer of each task.

    h' = h + U relu(D h + b) + c, with D to `rank` dimensions and U back; on images, of the channels of each pixel
    (1x1 convolutions). U and c begin at 0, so that every task begins with its baseline's function. Without ReLU the
    adapter is a low-rank linear map. The encoder is shared and trained with the adapters (in the papers it is
    trained before and then frozen); adapters are each task's own, so from the first one on every task has its own
    pass through the trunk.

    Cost: one pass through the first block, T through the others and the adapters.
    Source: Rebuffi, Bilen and Vedaldi, Learning multiple visual domains with residual adapters, NeurIPS 2017;
    bottleneck with ReLU: Houlsby et al., Parameter-Efficient Transfer Learning for NLP, ICML 2019, section 2.1.

    Args:
        rank: dimensions between D and U, at least 1.
        relu: whether there is a ReLU between them.
    """

    rank: int = 8
    relu: bool = True

    def faults(self) -> Iterator[Fault]:
        if self.rank < 1:
            yield Fault("rank", "must be at least 1 (sharing=hard has no adapters)", self.rank)

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        shapes = block_shapes(make_encoder)
        adapters = [
            make_encoder.module(f"adapter/{task}/{layer}", partial(Adapter, shape, self.rank, self.relu))
            for task in range(len(sources))
            for layer, shape in enumerate(shapes)
        ]
        return AdaptedTrunk(make_encoder, adapters, sources)


class Adapter(nn.Module):
    """A residual map through few dimensions, 0 at first.

    Args:
        shape: of one example.
        rank: the few dimensions.
        relu: whether they go through a ReLU.
    """

    any_leading_axes = True

    def __init__(self, shape: Shape, rank: int, relu: bool) -> None:
        super().__init__()
        up = pointwise((rank, *shape[1:]), shape[0])
        for parameter in up.parameters():
            nn.init.zeros_(parameter)
        self.layers = nn.Sequential(pointwise(shape, rank), nn.ReLU() if relu else nn.Identity(), up)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, *shape) to the same shape."""
        return inputs + self.layers(inputs)


class AdaptedTrunk(Body):
    """A shared trunk of blocks with an adapter of the task behind each.

    Tasks meet in the blocks but never in one representation: there is no `represent`.

    Args:
        make_encoder: gives the trunk.
        adapters: task by task, one a block.
        sources: the source that each task reads.
    """

    any_leading_axes = True

    def __init__(
        self, make_encoder: MakeEncoder, adapters: Sequence[Adapter], sources: Sequence[int]
    ) -> None:
        super().__init__()
        trunk = make_encoder()
        self.features, self.sources = trunk.features, tuple(sources)
        self.trunk, self.adapters = nn.ModuleList(trunk), nn.ModuleList(adapters)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        begun = {source: self.trunk[0](inputs[source]) for source in set(self.sources)}
        return [self._path(task, begun[source]) for task, source in enumerate(self.sources)]

    def _path(self, task: int, state: Tensor) -> Tensor:
        """Return a task's features from what the first block gave."""
        depth = len(self.trunk)
        for layer, adapter in enumerate(self.adapters[task * depth : (task + 1) * depth]):
            state = adapter(self.trunk[layer](state) if layer else state)
        return state

    def layer(self, name: str) -> str:
        return f"layer {int(name.split('.')[1]) + 1}"

    def owner(self, name: str) -> int | None:
        part, number, _ = name.split(".", 2)
        return int(number) // len(self.trunk) if part == "adapters" else None
