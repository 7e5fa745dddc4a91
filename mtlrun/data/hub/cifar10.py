"""Suite `cifar10`: which object, and whether it is an animal."""

from __future__ import annotations

from dataclasses import dataclass, field

from mtlrun.config import PLACE
from mtlrun.data.hub.suite import Groups, HubSuite, Targets

ANIMALS: tuple[str, ...] = ("bird", "cat", "deer", "dog", "frog", "horse")


@dataclass
class Cifar10(HubSuite):
    """60,000 colour photographs of ten classes, 32x32, with the published test part of 10,000.

    Tasks: `object` (multiclass, 10) and `animal` (binary; the others are vehicles).

    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, University of Toronto, 2009.
    """

    path: str = field(default="uoft-cs/cifar10", metadata=PLACE)
    inputs: str | list[str] = "img"
    targets: Targets | None = field(default_factory=lambda: Targets(object="label"))
    groups: Groups | None = field(default_factory=lambda: Groups(animal=[*ANIMALS]))
