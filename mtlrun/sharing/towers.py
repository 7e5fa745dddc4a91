"""A tower of blocks per task; what stands behind each block reads all towers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from mtlrun.models.base import Encoder
from mtlrun.sharing.base import Body


class MixedTowers(Body):
    """Towers, and behind each block a module per task that makes one activation of those of all towers.

    Towers and inner mixes are shared, for all tasks see them; a task's own is its mix behind the last block. One task
    is not mixed. Where tasks have inputs of their own, every input goes through all towers.

    Args:
        towers: one per task, of equal blocks.
        sources: the source that each task reads.
        make_mix: makes what a task's tower, or with the last layer its head, reads behind a layer.
    """

    any_leading_axes = True
    splits = True

    def __init__(
        self, towers: Sequence[Encoder], sources: Sequence[int], make_mix: Callable[[int, int], nn.Module]
    ) -> None:
        super().__init__()
        self.features, self.depth, self.tasks = towers[0].features, len(towers[0]), len(towers)
        self.sources, self.read = tuple(sources), sorted(set(sources))
        self.blocks = nn.ModuleList(block for tower in towers for block in tower)  # tower by tower
        layers = range(self.depth if self.tasks > 1 else 0)
        self.mixes = nn.ModuleList(make_mix(layer, task) for layer in layers for task in range(self.tasks))

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
                    mixes = self.mixes[layer * self.tasks : (layer + 1) * self.tasks]
                    states = [mix(states) for mix in mixes]
            found += states
        return found

    def finish(self, representations: Sequence[Tensor]) -> list[Tensor]:
        if self.tasks == 1:
            return list(representations)
        found = []
        for task, source in enumerate(self.sources):
            begin = self.read.index(source) * self.tasks
            mix = self.mixes[(self.depth - 1) * self.tasks + task]
            found.append(mix(representations[begin : begin + self.tasks]))
        return found

    def layer(self, name: str) -> str:
        part, number, _ = name.split(".", 2)
        if part == "blocks":
            tower, layer = divmod(int(number), self.depth)
            return f"tower {tower + 1} layer {layer + 1}"
        layer, task = divmod(int(number), self.tasks)
        return f"mix {task + 1} layer {layer + 1}"

    def owner(self, name: str) -> int | None:
        part, number, _ = name.split(".", 2)
        layer, task = divmod(int(number), self.tasks)
        if self.tasks == 1:
            return 0
        return task if part == "mixes" and layer == self.depth - 1 else None
