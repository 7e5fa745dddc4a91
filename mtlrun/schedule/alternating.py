"""Alternating training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtlrun.errors import Fault
from mtlrun.schedule.base import Phase, Schedule
from mtlrun.streams import stream


@dataclass
class Alternating(Schedule):
    """One task a step: in turn, or drawn with given weights; T budgets long, so each task gets its own on average.

    The order is the same for all seeds. A step trains the shared parameters and those of its task; the others' own
    stay as they are. Each task meets its batches in the order in which its baseline meets them.

    Cost: T budgets, of steps of one task.
    Source: Dong et al., Multi-Task Learning for Multiple Language Translation, ACL 2015 (in turn); Sanh et al., A
    Hierarchical Multi-Task Approach, AAAI 2019 (drawn by weights).

    Args:
        sampling: a weight for each task, with which a step's task is drawn; null for every task in turn.
    """

    sampling: list[float] | None = None

    def faults(self) -> Iterator[Fault]:
        if self.sampling is not None and (not self.sampling or min(self.sampling) <= 0):
            yield Fault("sampling", "must list a number above 0 for each task", self.sampling)

    def misfits(self, tasks: Sequence[str]) -> Iterator[Fault]:
        if self.sampling is not None and len(self.sampling) != len(tasks):
            yield Fault("sampling", f"must have one number per task ({', '.join(tasks)})", self.sampling)

    def phases(self, tasks: int, steps: int) -> list[Phase]:
        if tasks == 1:
            return [Phase(steps, (0,))]
        everyone = tuple(range(tasks))
        pattern = tuple((task,) for task in everyone)
        if self.sampling is not None:
            shares = [w / sum(self.sampling) for w in self.sampling]
            drawn = stream(0, "schedule/alternating").choice(tasks, size=tasks * steps, p=shares)
            pattern = tuple((int(task),) for task in drawn)
        return [Phase(tasks * steps, everyone, pattern=pattern)]
