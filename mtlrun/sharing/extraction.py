"""Levels of shared and of task experts with gates: the body of CGC and PLE.

Shape letters: B batch, N experts that a gate weighs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from mtlrun.errors import ConfigError, Fault
from mtlrun.sharing.base import Body, MakeEncoder, encoder_layers
from mtlrun.sharing.experts import make_experts
from mtlrun.sharing.mixing import Gate, block_shapes, mix


class Extraction(Body):
    """Encoders cut into levels; behind each level every task's path goes on with its gate's mix of experts.

    A task's gate sees the shared experts and the task's own. Behind every level but the last a shared gate sees all
    experts; what it mixes is the input of the next level's shared experts. Gates read what their path brought to
    the level. So behind the shared gate all tasks see every expert: a task's own are the experts of the last level
    and the gates that lead to them.

    Args:
        make_encoder: gives the experts: the first shared one begins with the baseline's weights.
        sources: the source that each task reads.
        levels: parts of about equal numbers of blocks, that each encoder is cut into.
        shared: number of shared experts of every level.
        own: number of experts of each task of every level.

    Raises:
        ConfigError: the encoder has fewer blocks than levels.
    """

    any_leading_axes = True
    divides = True

    def __init__(
        self, make_encoder: MakeEncoder, sources: Sequence[int], levels: int, shared: int, own: int
    ) -> None:
        super().__init__()
        self.sources, self.tasks = tuple(sources), len(sources)
        self.levels, self.shared, self.own = levels, shared, own
        experts = make_experts(make_encoder, shared + self.tasks * own)
        depth, self.features, self.count = len(experts[0]), experts[0].features, len(experts)
        if levels > depth:
            raise ConfigError([Fault("sharing.levels", f"must be at most {encoder_layers(depth)}", levels)])
        cuts = [round(k * depth / levels) for k in range(levels + 1)]
        self.experts = nn.ModuleList(  # level by level; the shared ones, then task by task
            nn.Sequential(*list(expert)[cuts[k] : cuts[k + 1]]) for k in range(levels) for expert in experts
        )
        shapes = block_shapes(make_encoder) if levels > 1 else []
        sizes = [math.prod(s) for s in (make_encoder.input_shape, *(shapes[cut - 1] for cut in cuts[1:-1]))]
        self.gates = nn.ModuleList(  # level by level, a gate per task
            make_encoder.module(f"gate/{level}/{task}", partial(Gate, size, shared + own))
            for level, size in enumerate(sizes)
            for task in range(self.tasks)
        )
        self.shared_gates = nn.ModuleList(
            make_encoder.module(f"gate/{level}/shared", partial(Gate, size, self.count))
            for level, size in enumerate(sizes[:-1])
        )

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return [self._mixed(self.levels - 1, task, *found) for task, found in enumerate(self._last(inputs))]

    def divide(self, inputs: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Return the features, and of the last level's experts the outputs of the shared and of the tasks' own."""
        last = self._last(inputs)
        features = [self._mixed(self.levels - 1, task, *found) for task, found in enumerate(last)]
        shared = [torch.cat([seen[k] for k in range(self.shared)], -1) for seen, _ in last]
        own = [torch.cat([seen[k] for k in self._experts_of(t)], -1) for t, (seen, _) in enumerate(last)]
        return features, shared, own

    def _last(self, inputs: Sequence[Tensor]) -> list[tuple[dict[int, Tensor], Tensor]]:
        """Return for each task the outputs of the last level's experts, and the path to its gate there."""
        found: dict[int, tuple[dict[int, Tensor], Tensor]] = {}
        for source in set(self.sources):
            readers = [task for task, read in enumerate(self.sources) if read == source]
            seen, paths = self._read(inputs[source], readers)
            found |= {task: (seen, paths[task]) for task in readers}
        return [found[task] for task in range(self.tasks)]

    def _read(self, inputs: Tensor, readers: Sequence[int]) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Return the outputs of the last level's experts that the readers of these inputs see, and all paths."""
        common, paths = inputs, dict.fromkeys(range(self.tasks), inputs)
        for level in range(self.levels):
            last = level + 1 == self.levels
            seen = {k: self._expert(level, k)(common) for k in range(self.shared)}
            for task in readers if last else paths:
                seen |= {k: self._expert(level, k)(paths[task]) for k in self._experts_of(task)}
            if last:
                break
            mixed = {task: self._mixed(level, task, seen, path) for task, path in paths.items()}
            common = mix([seen[k] for k in range(self.count)], self.shared_gates[level](common))
            paths = mixed
        return seen, paths

    def _mixed(self, level: int, task: int, seen: dict[int, Tensor], path: Tensor) -> Tensor:
        """Return what a task's gate makes of the outputs of the experts that the task sees."""
        visible = [*range(self.shared), *self._experts_of(task)]
        return mix([seen[k] for k in visible], self.gates[level * self.tasks + task](path))

    def _expert(self, level: int, number: int) -> nn.Module:
        return self.experts[level * self.count + number]

    def _experts_of(self, task: int) -> Iterable[int]:
        begin = self.shared + task * self.own
        return range(begin, begin + self.own)

    def layer(self, name: str) -> str:
        part, number, _ = name.split(".", 2)
        if part == "shared_gates":
            return f"level {int(number) + 1} shared gate"
        level, place = divmod(int(number), self.count if part == "experts" else self.tasks)
        return f"level {level + 1} {part.removesuffix('s')} {place + 1}"

    def owner(self, name: str) -> int | None:
        part, number, _ = name.split(".", 2)
        level, place = divmod(int(number), self.count if part == "experts" else self.tasks)
        if part == "gates":  # what it mixes goes to the task's experts of the next level
            return place if level >= self.levels - 2 else None
        private = part == "experts" and place >= self.shared and level == self.levels - 1
        return (place - self.shared) // self.own if private else None
