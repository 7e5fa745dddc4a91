"""What heads are: the last layers, from a task's features to its outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from mtlrun.config import Configured
from mtlrun.data.task import Task
from mtlrun.theory.linear import HeadForm

InitModule = Callable[[str, Callable[[], nn.Module]], nn.Module]
"""`init(stream, factory)` builds a module with weights from the run's stream `init/<stream>`."""


class HeadSet(nn.Module, ABC):
    """The heads of all tasks of one run.

    Attributes:
        any_leading_axes: as of `mtlrun.sharing.base.Body`.
    """

    any_leading_axes = False

    @abstractmethod
    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Map each task's features (B, F) to its outputs (B, outputs)."""

    @abstractmethod
    def owner(self, name: str) -> int | None:
        """Return the position of the task that alone uses a parameter, or None where tasks share it."""


@dataclass
class Heads(Configured, ABC):
    """A kind of heads.

    Attributes:
        linear_form: what they are where they are linear without biases; else None.
    """

    @property
    def linear_form(self) -> HeadForm | None:
        return None

    @abstractmethod
    def build(self, features: int, tasks: Sequence[Task], init: InitModule) -> HeadSet:
        """Return the heads for tasks whose features have size F."""


class PrivateHeads(HeadSet):
    """One head a task."""

    any_leading_axes = True

    def __init__(self, heads: Sequence[nn.Module]) -> None:
        super().__init__()
        self.tasks = nn.ModuleList(heads)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        return [head(z) for head, z in zip(self.tasks, features, strict=True)]

    def owner(self, name: str) -> int | None:
        return int(name.split(".")[1])
