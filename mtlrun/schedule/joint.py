"""Joint training."""

from __future__ import annotations

from dataclasses import dataclass

from mtlrun.schedule.base import Phase, Schedule


@dataclass
class Joint(Schedule):
    """All tasks in every step, from first to last.

    Cost: one budget of steps.
    """

    def phases(self, tasks: int, steps: int) -> list[Phase]:
        return [Phase(steps, tuple(range(tasks)))]
