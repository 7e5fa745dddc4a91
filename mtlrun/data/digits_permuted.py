"""Suite `digits_permuted`: the same classes from upright pixels and from pixels in a scrambled order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from mtlrun.data.digits import FIXED_SEED, digits, digits_info, digits_split
from mtlrun.data.splits import read_only
from mtlrun.data.suite import Suite
from mtlrun.data.task import DEFAULT_METRICS, Source, SourceInfo, Task
from mtlrun.streams import stream

PIXELS = 64


@dataclass
class DigitsPermuted(Suite):
    """Two tasks with unrelated inputs that compete for the encoder.

    Tasks: `upright` and `permuted` (multiclass, 10), each with a source of its own of the same name. The
    images of the second are those of the first with the pixels in one random order, the same for every image
    and seed. Both sources have the same split.
    """

    def offered(self) -> tuple[Task, ...]:
        """Return the two tasks."""
        metrics = DEFAULT_METRICS["multiclass"]
        return (Task("upright", "multiclass", 10, 0, metrics), Task("permuted", "multiclass", 10, 1, metrics))

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the two sources."""
        return (digits_info("upright"), digits_info("permuted"))

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the upright or the permuted digits."""
        images, labels = digits()
        if source.name == "permuted":
            images = permuted_digits()
        split = digits_split(source.rows["train"], self.split_seed(seed))
        return Source(source.name, images, {source.name: labels}, split)


@cache
def permuted_digits() -> np.ndarray:
    """Return the digit images, float32 (1797, 1, 8, 8), with the pixels in the fixed random order."""
    images = digits()[0]
    order = np.argsort(stream(FIXED_SEED, "permutation").random(PIXELS))
    return read_only(images.reshape(-1, PIXELS)[:, order].reshape(images.shape))
