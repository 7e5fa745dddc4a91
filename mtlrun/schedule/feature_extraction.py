"""Feature extraction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtlrun.schedule.base import Phase, Schedule


@dataclass
class FeatureExtraction(Schedule):
    """All tasks but the last are trained first; the last one then trains its own parameters on the frozen rest.

    Earlier tasks cannot be forgotten, and the last one cannot shape the features.

    Cost: two budgets, the second of steps of one task.
    Source: Donahue et al., DeCAF: A Deep Convolutional Activation Feature, ICML 2014.
    """

    select: ClassVar[str] = "last"

    def phases(self, tasks: int, steps: int) -> list[Phase]:
        if tasks == 1:
            return [Phase(steps, (0,))]
        return [Phase(steps, tuple(range(tasks - 1))), Phase(steps, (tasks - 1,), freeze_shared=True)]
