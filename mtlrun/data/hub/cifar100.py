"""Suite `cifar100`: fine and coarse classes, or each superclass a task."""

from __future__ import annotations

from dataclasses import dataclass, field

from mtlrun.config import PLACE
from mtlrun.data.hub.divided import Divided
from mtlrun.data.hub.suite import Targets


@dataclass
class Cifar100(Divided):
    """60,000 colour photographs of a hundred classes in twenty superclasses, 32x32, with the published test part.

    Tasks: by default `fine` (multiclass, 100) and `coarse` (multiclass, 20). A superclass, by its name as `fish` or
    `trees`, is also a task with images of its own: which of its five classes, as Rosenbaum, Klinger and Riemer,
    Routing Networks, ICLR 2018, have it.

    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, University of Toronto, 2009.
    """

    path: str = field(default="uoft-cs/cifar100", metadata=PLACE)
    inputs: str | list[str] = "img"
    targets: Targets | None = field(default_factory=lambda: Targets(fine="fine_label", coarse="coarse_label"))
    divide: str = "coarse_label"
    predict: str = "fine_label"

    def default(self) -> tuple[str, ...]:
        """Return the tasks on all images."""
        return tuple(self.targets or {})
