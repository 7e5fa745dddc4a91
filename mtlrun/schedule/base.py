"""What a schedule is: data that says what is trained when. No schedule touches the training loop."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mtlrun.config import Configured
from mtlrun.errors import Fault

Active = tuple[int, ...]
"""Positions of the tasks that a step trains."""


@dataclass(frozen=True)
class Merge:
    """How the branches of a phase become one again, after every `len(branches) * period` of its steps.

    From one merge to the next each branch trains from the same parameters. What its optimizer and its weighting
    remember stays the branch's own, from merge to merge. A mixture of the branches' parameters then takes their
    place: that of the smallest loss on validation rows.

    Attributes:
        period: steps of each branch from merge to merge.
        goals: positions of the tasks whose summed loss on validation rows chooses the mixture.
        parts: a branch is mixed in by k / parts, for whole k.
    """

    period: int
    goals: Active
    parts: int


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
        merge: makes the phase a fork, as `forked` lays it out: the sets of tasks in `pattern` are its branches.
    """

    steps: int
    tasks: Active
    freeze_shared: bool = False
    lr_factor: float = 1.0
    pattern: tuple[Active, ...] = ()
    open: float = 1.0
    merge: Merge | None = None

    def active(self, step: int) -> Active:
        """Return the tasks of a step, counted from 0."""
        return self.pattern[step % len(self.pattern)] if self.pattern else self.tasks

    def turns(self) -> dict[Active, int]:
        """Return how many steps train which tasks."""
        if not self.pattern:
            return {self.tasks: self.steps}
        rounds, rest = divmod(self.steps, len(self.pattern))
        whole, begun = Counter(self.pattern), Counter(self.pattern[:rest])
        counts = {active: rounds * count + begun[active] for active, count in whole.items()}
        return {active: count for active, count in counts.items() if count}

    def steps_of(self, task: int) -> int:
        """Return in how many of its steps a task is trained."""
        return sum(count for active, count in self.turns().items() if task in active)

    @property
    def branches(self) -> tuple[Active, ...]:
        """The tasks of each branch, in the order in which they train; empty without a merge."""
        return tuple(dict.fromkeys(self.pattern)) if self.merge else ()

    def place(self, step: int) -> tuple[int, int]:
        """Return where a step, from 0, stands in the course of the learning rate, and how long that is.

        It is a course over the phase; each branch has one of its own, over the steps of the branch.
        """
        if self.merge is None:
            return step, self.steps
        period, (rounds, within) = self.merge.period, divmod(step, len(self.pattern))
        return rounds * period + within % period, self.steps // len(self.pattern) * period

    def stops(self, evaluations: int) -> set[int]:
        """Return after how many steps there are evaluations: evenly spread, but always of what has been merged."""
        unit = len(self.pattern) if self.merge else 1
        even = (round(self.steps * (k + 1) / evaluations) for k in range(evaluations))
        return {math.ceil(steps / unit) * unit for steps in even}


def forked(branches: Sequence[Active], period: int, merges: int, goals: Active, parts: int) -> Phase:
    """Return a phase whose branches are merged again and again.

    Args:
        branches: the tasks of each branch, no two the same.
        period: steps of each branch from merge to merge.
        merges: how often they are merged; the last time at the end.
        goals: as of `Merge`.
        parts: as of `Merge`.
    """
    tasks = tuple(sorted({task for branch in branches for task in branch}))
    pattern = tuple(branch for branch in branches for _ in range(period))
    return Phase(merges * len(pattern), tasks, pattern=pattern, merge=Merge(period, goals, parts))


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

    def phases_of(self, tasks: Sequence[str], primary: str | None, steps: int) -> list[Phase]:
        """Return the phases for tasks with these names, of which one may be the goal; what all others call.

        A schedule for which neither names nor goal matter leaves it as it is, and has `phases` alone.
        """
        return self.phases(len(tasks), steps)

    def misfits(self, tasks: Sequence[str]) -> Iterator[Fault]:
        """Yield what does not fit tasks with these names; keys are field names."""
        return iter(())


def trained_steps(phases: Sequence[Phase], task: int) -> int:
    """Return for how many steps a task is trained: what its single-task baseline gets.

    Steps of every branch count, whatever becomes of the branch.
    """
    return sum(phase.steps_of(task) for phase in phases)


def told(phases: Sequence[Phase], tasks: Sequence[str]) -> list[dict[str, Any]]:
    """Return phases as the record of a run and the manifest of a study keep them, with names of tasks.

    Each has `begin` and `end`, in steps of the run; `tasks`, the steps for which it trains each task that it trains;
    `freeze_shared`, `lr_factor`, `open`; and `branches`, a list of names for each, with `merge_every` steps.
    """
    found, begin = [], 0
    for phase in phases:
        found.append(
            {
                "begin": begin,
                "end": begin + phase.steps,
                "tasks": {tasks[t]: phase.steps_of(t) for t in phase.tasks},
                "freeze_shared": phase.freeze_shared,
                "lr_factor": phase.lr_factor,
                "open": phase.open,
                "branches": [[tasks[t] for t in branch] for branch in phase.branches],
                "merge_every": len(phase.pattern) if phase.merge else None,
            }
        )
        begin += phase.steps
    return found
