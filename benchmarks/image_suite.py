"""The digits at 28x28, for rows with convolutions: real images, enlarged as far as LeNet expects them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from mtlrun.data.digits import attribute_targets, digits, digits_info, digits_split
from mtlrun.data.digits_parity import ODD, DigitsParity
from mtlrun.data.splits import read_only
from mtlrun.data.task import Source, SourceInfo

SIDE = 28  # pixels


@dataclass
class DigitImages(DigitsParity):
    """`digits_parity` on bilinearly enlarged images, (1, 28, 28)."""

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the one source."""
        return (digits_info("digits28", (1, SIDE, SIDE)),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the enlarged digits with both targets."""
        targets = {"digit": digits()[1], "parity": attribute_targets((ODD,))}
        split = digits_split(source.rows["train"], self.split_seed(seed))
        return Source(source.name, _enlarged(), targets, split)


@cache
def _enlarged() -> np.ndarray:
    """Return the images, float32 (1797, 1, 28, 28) in [0, 1]: bilinear, along rows, then along columns."""
    images = digits()[0]
    pull = _weights(images.shape[-1], SIDE)
    return read_only(np.einsum("ip,jq,ncpq->ncij", pull, pull, images).astype(np.float32))


def _weights(short: int, long: int) -> np.ndarray:
    """Return the (long, short) matrix of linear interpolation between pixel centres, flat beyond the outer."""
    place = np.clip((np.arange(long) + 0.5) * short / long - 0.5, 0, short - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(short)))
