"""Progressive layered extraction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtlrun.errors import Fault, part_faults
from mtlrun.sharing.base import Body, MakeEncoder
from mtlrun.sharing.cgc import CGC
from mtlrun.sharing.extraction import Extraction


@dataclass
class PLE(CGC):
    """PLE: CGC in levels; each encoder is cut into `levels` parts, and gates mix experts behind every level.

    Behind all levels but the last a shared gate also mixes all experts, for the next level's shared experts. So all
    tasks reach the task experts of earlier levels: they count as shared, and gradient methods act on them. One
    level is sharing=cgc.

    Cost: a pass through each of `shared_experts` + T `task_experts` encoders.
    Source: Tang, Liu, Zhao and Gong, Progressive Layered Extraction (PLE), RecSys 2020, eqs. 5 and 6.

    Args:
        shared_experts: as of sharing=cgc, in every level.
        task_experts: as of sharing=cgc, in every level.
        levels: at least 1 and at most the encoder's number of layers.
    """

    levels: int = 2

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        yield from part_faults("levels", self.levels)

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        return Extraction(make_encoder, sources, self.levels, self.shared_experts, self.task_experts)
