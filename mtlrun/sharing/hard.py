"""Hard parameter sharing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mtlrun.sharing.base import Body, MakeEncoder, Sharing, TrunkAndBranches


@dataclass
class Hard(Sharing):
    """Hard parameter sharing: one encoder for all tasks, with each task's head on top.

    The encoder is shared, whole. Its size is the one that `capacity` compares other schemes with, so here both
    capacities are the same.

    Cost: a pass through one encoder.
    Source: Caruana, Multitask Learning, Machine Learning 28, 1997.
    """

    def __post_init__(self) -> None:
        self.capacity = "same_width"

    @property
    def tie(self) -> float:
        return math.inf

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        return TrunkAndBranches(make_encoder, sources, len(make_encoder()))
