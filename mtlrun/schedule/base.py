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
        pattern: the tasks of each step, begun anew when it ends; empty where all of `tasks` are in every step.
            Tasks that a step leaves out keep their own parameters, and the optimizer's memory of them, untouched.
        open: the part of the encoder's blocks that is trained, from the top, in (0, 1].
    """

    steps: int
    tasks: tuple[int, ...]
    freeze_shared: bool = False
    lr_factor: float = 1.0
    pattern: tuple[tuple[int, ...], ...] = ()
    open: float = 1.0

    def active(self, step: int) -> tuple[int, ...]:
        """Return the tasks of a step, counted from 0."""
        return self.pattern[step % len(self.pattern)] if self.pattern else self.tasks

    def steps_of(self, task: int) -> int:
        """Return in how many of its steps a task is trained."""
        if not self.pattern:
            return self.steps * (task in self.tasks)
        rounds, rest = divmod(self.steps, len(self.pattern))
        return rounds * sum(task in active for active in self.pattern) + sum(
            task in active for active in self.pattern[:rest]
        )


@dataclass
class Schedule(Configured, ABC):
    """A rule that lays phases out over the training of one run.

    Attributes:
        select: the checkpoint that reports read unless `budget.select` says otherwise.
        opens: whether phases open a part of the encoder's blocks, which then must stand in an order.
    """

    select: ClassVar[str] = "per_task"
    opens: ClassVar[bool] = False

    @abstractmethod
    def phases(self, tasks: int, steps: int) -> list[Phase]:
        """Return the phases for T tasks, when the budget gives each task `steps` steps."""


def trained_steps(phases: Sequence[Phase], task: int) -> int:
    """Return for how many steps a task is trained: what its single-task baseline gets."""
    return sum(phase.steps_of(task) for phase in phases)
