"""Cross-stitch networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtlrun.errors import Fault
from mtlrun.sharing.base import Body, MakeEncoder, Sharing
from mtlrun.sharing.mixing import Mixing
from mtlrun.sharing.towers import MixedTowers


@dataclass
class CrossStitch(Sharing):
    """Cross-stitch: a tower per task, and after each block every tower goes on with a learned mix of all towers.

    x_i' = sum_j a_ij x_j, with a (T, T) matrix a for each block, which begins with `own` on its diagonal and
    (1 - own) / (T - 1) elsewhere. Rows then sum to 1 and all towers begin with the same weights, so every task
    begins with its baseline's function. One number for a whole block's output, not one per channel; the optimizer
    trains it at the learning rate of all weights (the paper takes 100 to 1000 times as much). Towers are shared,
    for all tasks see them; a task's own are the row behind the last block and its head. One task is not stitched.
    Where tasks have inputs of their own, every input goes through all towers.

    Cost: a pass through each of T encoders.
    Source: Misra, Shrivastava, Gupta and Hebert, Cross-Stitch Networks for Multi-Task Learning, CVPR 2016, eq. 1.

    Args:
        own: how much of its own activation each tower begins with, 0 to 1; 1 begins as sharing=separate does.
    """

    own: float = 0.9

    def faults(self) -> Iterator[Fault]:
        if not 0 <= self.own <= 1:
            yield Fault("own", "must be between 0 and 1", self.own)

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        tasks = range(len(sources))
        others = (1 - self.own) / max(len(sources) - 1, 1)
        rows = [[self.own if i == j else others for j in tasks] for i in tasks]
        return MixedTowers([make_encoder() for _ in sources], sources, lambda layer, task: Mixing(rows[task]))
