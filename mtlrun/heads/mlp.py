"""Deeper private heads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn

from mtlrun.data.task import Task
from mtlrun.errors import Fault, part_faults
from mtlrun.heads.base import Heads, HeadSet, InitModule, PrivateHeads


@dataclass
class MLPHeads(Heads):
    """Separate deeper heads: each task has hidden layers of its own between the features and its outputs.

    More of the network is private, so tasks compete for less of it. The single-task baseline has the same
    heads, so what is compared is sharing, not depth.

    Args:
        width: units of each hidden layer.
        depth: number of hidden layers.
    """

    width: int = 64
    depth: int = 1

    def faults(self) -> Iterator[Fault]:
        if self.width < 1:
            yield Fault("width", "must be at least 1", self.width)
        yield from part_faults("depth", self.depth, "(heads=linear has no hidden layer)")

    def build(self, features: int, tasks: Sequence[Task], init: InitModule) -> HeadSet:
        return PrivateHeads([init(f"head/{t.name}", partial(self._head, features, t.outputs)) for t in tasks])

    def _head(self, features: int, outputs: int) -> nn.Module:
        sizes = [features] + [self.width] * self.depth
        hidden = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in itertools.pairwise(sizes)]
        return nn.Sequential(*hidden, nn.Linear(self.width, outputs))
