"""Suite `fashion_mnist`: which article, and whether it is worn on feet."""

from __future__ import annotations

from dataclasses import dataclass, field

from mtlrun.config import PLACE
from mtlrun.data.hub.suite import Groups, HubSuite, Targets


@dataclass
class FashionMnist(HubSuite):
    """70,000 pictures of clothes, 28x28, with the published test part of 10,000.

    Tasks: `article` (multiclass, 10) and `footwear` (binary: sandals, sneakers and ankle boots).

    Source: Xiao, Rasul and Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017.
    """

    path: str = field(default="zalando-datasets/fashion_mnist", metadata=PLACE)
    targets: Targets | None = field(default_factory=lambda: Targets(article="label"))
    groups: Groups | None = field(
        default_factory=lambda: Groups(footwear=["Sandal", "Sneaker", "Ankle boot"])
    )
