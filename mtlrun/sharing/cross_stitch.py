"""Cross-stitch networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from mtlrun.errors import Fault
from mtlrun.sharing.base import Body, MakeEncoder, Sharing
from mtlrun.sharing.mixing import Mixing


@dataclass
class CrossStitch(Sharing):
    """Cross-stitch: a tower per task, and after each block every tower goes on with a learned mix of all towers.

    x_i' = sum_j a_ij x_j, with a (T, T) matrix a for each block, which begins with `own` on its diagonal and
    (1 - own) / (T - 1) elsewhere. Rows then sum to 1 and all towers begin with the same weights, so every task
    begins with its baseline's function. One number for a whole block's output, not one per channel; the optimizer
    trains it at the learning rate of all weights (the paper takes 100 to 1000 times as much). Towers are shared,
    for all tasks see them; a task's own are the row behind the last block and its head. One task is not stitched.
    Where tasks have inputs of their own, every input goes through all towers.

    Source: Misra, Shrivastava, Gupta and Hebert, Cross-Stitch Networks for Multi-Task Learning, CVPR 2016, eq. 1.

    Args:
        own: how much of its own activation each tower begins with, 0 to 1; 1 begins as sharing=separate does.
    """

    own: float = 0.9

    def faults(self) -> Iterator[Fault]:
        if not 0 <= self.own <= 1:
            yield Fault("own", "must be between 0 and 1", self.own)

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        return StitchedTowers(make_encoder, sources, self.own)


class StitchedTowers(Body):
    """Towers of blocks, with a mix of all of them behind each block.

    Args:
        make_encoder: gives the towers.
        sources: the source that each task reads.
        own: as of `CrossStitch`.
    """

    any_leading_axes = True
    splits = True

    def __init__(self, make_encoder: MakeEncoder, sources: Sequence[int], own: float) -> None:
        super().__init__()
        towers, tasks = [make_encoder() for _ in sources], range(len(sources))
        self.features, self.depth, self.tasks = towers[0].features, len(towers[0]), len(towers)
        self.sources, self.read = tuple(sources), sorted(set(sources))
        self.blocks = nn.ModuleList(block for tower in towers for block in tower)  # tower by tower
        others = (1 - own) / max(self.tasks - 1, 1)
        rows = [[own if i == j else others for j in tasks] for i in tasks]
        layers = self.depth if self.tasks > 1 else 0
        self.stitches = nn.ModuleList(Mixing(row) for _ in range(layers) for row in rows)  # layer by layer

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return self.finish(self.represent(inputs))

    def represent(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return the last block's output of every tower, for each source that is read."""
        found: list[Tensor] = []
        for source in self.read:
            states = [inputs[source]] * self.tasks
            for layer in range(self.depth):
                states = [self.blocks[t * self.depth + layer](x) for t, x in enumerate(states)]
                if layer + 1 < self.depth and self.tasks > 1:
                    rows = self.stitches[layer * self.tasks : (layer + 1) * self.tasks]
                    states = [row(states) for row in rows]
            found += states
        return found

    def finish(self, representations: Sequence[Tensor]) -> list[Tensor]:
        if self.tasks == 1:
            return list(representations)
        found = []
        for task, source in enumerate(self.sources):
            begin = self.read.index(source) * self.tasks
            row = self.stitches[(self.depth - 1) * self.tasks + task]
            found.append(row(representations[begin : begin + self.tasks]))
        return found

    def owner(self, name: str) -> int | None:
        part, number, _ = name.split(".", 2)
        layer, row = divmod(int(number), self.tasks)
        if self.tasks == 1:
            return 0
        return row if part == "stitches" and layer == self.depth - 1 else None
