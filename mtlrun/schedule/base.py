"""What a schedule is: data that says what is trained when. No schedule touches the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mtlrun.config import Configured


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the same things are trained.

    Attributes:
        steps: its length.
        tasks: positions of the trained tasks; the others' own parameters stay as they are.
        freeze_shared: whether the parameters that tasks share stay as they are.
        lr_factor: multiplies every learning rate.
    """

    steps: int
    tasks: tuple[int, ...]
    freeze_shared: bool = False
    lr_factor: float = 1.0


@dataclass
class Schedule(Configured, ABC):
    """A rule that lays phases out over the training of one run.

    Attributes:
        select: the checkpoint that reports read unless `budget.select` says otherwise.
    """

    select: ClassVar[str] = "per_task"

    @abstractmethod
    def phases(self, tasks: int, steps: int) -> list[Phase]:
        """Return the phases for T tasks, when the budget gives each task `steps` steps."""


def trained_steps(phases: Sequence[Phase], task: int) -> int:
    """Return for how many steps a task is trained: what its single-task baseline gets."""
    return sum(phase.steps for phase in phases if task in phase.tasks)
