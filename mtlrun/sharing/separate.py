"""No sharing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtlrun.sharing.base import Body, MakeEncoder, Sharing, TrunkAndBranches


@dataclass
class Separate(Sharing):
    """No sharing: each task has an encoder of its own, trained side by side.

    With `weighting=equal` this is exactly single-task training, so every transfer gain is 0: a check of the
    whole program. There are no shared parameters, so every gradient method acts as `equal` does.

    Cost: a pass through each of T encoders.
    """

    @property
    def tie(self) -> float:
        return 0.0

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        return TrunkAndBranches(make_encoder, sources, 0)
