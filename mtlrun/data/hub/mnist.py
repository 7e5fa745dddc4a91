"""Suite `mnist`: which digit, and whether it is odd."""

from __future__ import annotations

from dataclasses import dataclass, field

from mtlrun.config import PLACE
from mtlrun.data.hub.suite import Groups, HubSuite, Targets


@dataclass
class Mnist(HubSuite):
    """The 70,000 handwritten digits of MNIST, 28x28, with the published test part of 10,000.

    Tasks: `digit` (multiclass, 10) and `odd` (binary).

    Source: LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document Recognition, Proceedings of
    the IEEE 86, 1998.
    """

    path: str = field(default="ylecun/mnist", metadata=PLACE)
    targets: Targets | None = field(default_factory=lambda: Targets(digit="label"))
    groups: Groups | None = field(default_factory=lambda: Groups(odd=[1, 3, 5, 7, 9]))
