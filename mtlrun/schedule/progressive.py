"""Progressive training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mtlrun.errors import MOST_PARTS, Fault
from mtlrun.schedule.base import Phase, Schedule


@dataclass
class Progressive(Schedule):
    """Tasks join one after another, in the order of `suite.tasks`; the last one to join trains for the whole budget.

    Cost: 1 + (T - 1) `delay` budgets.
    Source: Bengio et al., Curriculum Learning, ICML 2009 (easier tasks first).

    Args:
        delay: how much later each next task joins, as a fraction of the budget.
    """

    delay: float = 0.25

    def faults(self) -> Iterator[Fault]:
        if not 0 < self.delay <= MOST_PARTS:
            yield Fault("delay", f"must be above 0 and at most {MOST_PARTS:,}", self.delay)

    def phases(self, tasks: int, steps: int) -> list[Phase]:
        alone = math.ceil(self.delay * steps)
        joining = [Phase(alone, tuple(range(count))) for count in range(1, tasks)]
        return [*joining, Phase(steps, tuple(range(tasks)))]
