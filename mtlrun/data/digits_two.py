"""Suite `digits_two`: two digits in one image, in the manner of MultiMNIST.

After S. Sabour, N. Frosst and G. Hinton, Dynamic Routing Between Capsules, NeurIPS 2017, and O. Sener and
V. Koltun, Multi-Task Learning as Multi-Objective Optimization, NeurIPS 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mtlrun.data.digits import FIXED_SEED, ROWS, digits, digits_info, digits_split
from mtlrun.data.splits import read_only
from mtlrun.data.suite import Suite
from mtlrun.data.task import DEFAULT_METRICS, Source, SourceInfo, Task
from mtlrun.streams import stream

WIDTH = 12  # of the canvas: two digits 8 wide overlap in 4 columns


@dataclass
class DigitsTwo(Suite):
    """Two equal tasks that compete for one image: the digit on the left and the digit on the right.

    Tasks: `left` and `right` (multiclass, 10). An image is (1, 8, 12): one digit in columns 0 to 7, another
    in columns 4 to 11, the brighter pixel winning. Composites are made after splitting: row i has digit i on
    the left and another image of the same part on the right, and each image of a part is once the right one.
    Which one is fixed, or drawn per split with `resplit` and `splits`. `train_size` counts composites; the right-hand
    images of a smaller set still come from the whole training part.
    """

    def offered(self) -> tuple[Task, ...]:
        """Return the two tasks."""
        metrics = DEFAULT_METRICS["multiclass"]
        return (Task("left", "multiclass", 10, 0, metrics), Task("right", "multiclass", 10, 0, metrics))

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the one source."""
        return (digits_info("composites", (1, 8, WIDTH)),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the composites with both targets."""
        drawn = self.split_seed(seed)
        images, right = _composites(FIXED_SEED if drawn is None else drawn)
        split = digits_split(source.rows["train"], drawn)
        return Source(source.name, images, {"left": digits()[1], "right": right}, split)


def partners(parts: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return for every row another row of its part, each row being the partner of exactly one.

    A part is put in random order; the partner is the next in the ring.

    Args:
        parts: Row numbers of each part, together 0 to N - 1; parts of at least two rows.
        rng: Random stream.

    Returns:
        int64 (N,).
    """
    partner = np.empty(sum(len(rows) for rows in parts.values()), dtype=np.int64)
    for part in ("train", "val", "test"):
        ring = parts[part][np.argsort(rng.random(len(parts[part])))]
        partner[ring] = np.roll(ring, -1)
    return partner


@lru_cache(maxsize=64)
def _composites(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, float32 (1797, 1, 8, 12), and the digits on the right, int64 (1797,)."""
    images, labels = digits()
    parts = digits_split(ROWS["train"], seed)
    partner = partners(parts, stream(seed, "composites"))
    canvas = np.zeros((len(images), 1, 8, WIDTH), dtype=np.float32)
    canvas[..., :8] = images
    canvas[..., -8:] = np.maximum(canvas[..., -8:], images[partner])
    return read_only(canvas), read_only(labels[partner])
