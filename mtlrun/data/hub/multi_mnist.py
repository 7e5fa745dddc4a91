"""Suite `multi_mnist`: two digits of MNIST in one image."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

import numpy as np

from mtlrun.config import PLACE
from mtlrun.data.digits_two import partners
from mtlrun.data.hub.reading.inputs import Reading, Scaling, inputs, moments
from mtlrun.data.hub.reading.parts import FIXED_SEED, Shares, part_sizes, rows_by_part
from mtlrun.data.hub.reading.targets import class_codes
from mtlrun.data.hub.suite import HubSuite, Targets
from mtlrun.data.splits import read_only
from mtlrun.data.task import Source, SourceInfo
from mtlrun.streams import stream

SHIFT = 8  # pixels between the two: each is 4 from the middle of the canvas, the most that Sabour et al. have


@dataclass
class MultiMnist(HubSuite):
    """Two equal tasks that compete for one image: the digit at the top left and the digit at the bottom right.

    Tasks: `left` and `right` (multiclass, 10). An image is 36x36: one digit in the first 28 rows and columns, another
    of the same part in the last 28, the brighter pixel winning. Composites are made after splitting: there are as
    many as digits, each digit is once the left and once the right one, and which go together is fixed, or drawn per
    split with `resplit` and `splits`. `train_size` counts composites; their right digits come from the whole training
    part.

    Source: Sener and Koltun, Multi-Task Learning as Multi-Objective Optimization, NeurIPS 2018, section 5.1, after
    Sabour, Frosst and Hinton, Dynamic Routing Between Capsules, NeurIPS 2017.
    """

    path: str = field(default="ylecun/mnist", metadata=PLACE)
    targets: Targets | None = field(default_factory=lambda: Targets(left="label", right="label"))

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the one source."""
        (digits,) = super().whole()
        colours, height, width = digits.input_shape
        return (replace(digits, name="composites", input_shape=(colours, height + SHIFT, width + SHIFT)),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the composites with both targets."""
        train, drawn = source.rows["train"], self.split_seed(seed)
        made = _composites(self.recipe(), drawn)
        scaling = self.scaled(lambda: _moments(self.recipe(), train, drawn))
        both = {"left": made.left, "right": made.right}
        rows = dict(self.rows_of(source.name, train, drawn))
        return Source(source.name, made.images, both, rows, {}, scaling, self.augment())

    def recipe(self) -> Recipe:
        """Return what composites depend on."""
        return Recipe(self.reading(), self.shares(), self.strata(), self.stratum())


class Recipe(NamedTuple):
    """What composites depend on, but for the seed."""

    digits: Reading
    shares: Shares
    strata: tuple[str, ...]
    label: str


class Composites(NamedTuple):
    """Images, uint8 (N, C, H + SHIFT, W + SHIFT), and the two digits of each, int64 (N,)."""

    images: np.ndarray
    left: np.ndarray
    right: np.ndarray


@cache
def _moments(recipe: Recipe, train: int, seed: int | None) -> Scaling:
    rows = rows_by_part(recipe.digits.origin, recipe.shares, recipe.strata, train, seed)["train"]
    return moments(_composites(recipe, seed).images, rows)


@cache
def _composites(recipe: Recipe, seed: int | None) -> Composites:
    """Return the composites of a seed, or those that all seeds share; the same objects every time."""
    origin = recipe.digits.origin
    digits, labels = inputs(recipe.digits), class_codes(origin, recipe.label)[0]
    everything = part_sizes(origin, recipe.shares)["train"]
    parts = rows_by_part(origin, recipe.shares, recipe.strata, everything, seed)
    partner = partners(dict(parts), stream(FIXED_SEED if seed is None else seed, "composites"))
    count, depth, height, width = digits.shape
    canvas = np.zeros((count, depth, height + SHIFT, width + SHIFT), dtype=np.uint8)
    canvas[..., :height, :width] = digits
    right = canvas[..., -height:, -width:]
    np.maximum(right, digits[partner], out=right)
    return Composites(read_only(canvas), labels, read_only(labels[partner]))
