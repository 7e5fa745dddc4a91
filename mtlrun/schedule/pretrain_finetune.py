"""Pre-training and fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mtlrun.errors import Fault
from mtlrun.schedule.base import Phase, Schedule


@dataclass
class PretrainFinetune(Schedule):
    """All tasks but the last are trained first, then the last one alone goes on from what they have learned.

    The last checkpoint is reported, so that what the earlier tasks forget is seen.

    Cost: two budgets, the second of steps of one task.
    Source: Yosinski et al., How transferable are features in deep neural networks?, NeurIPS 2014.

    Args:
        lr_factor: multiplies the learning rate of the second phase.
    """

    select: ClassVar[str] = "last"

    lr_factor: float = 0.3

    def faults(self) -> Iterator[Fault]:
        if self.lr_factor <= 0:
            yield Fault("lr_factor", "must be above 0", self.lr_factor)

    def phases(self, tasks: int, steps: int) -> list[Phase]:
        if tasks == 1:
            return [Phase(steps, (0,))]
        return [Phase(steps, tuple(range(tasks - 1))), Phase(steps, (tasks - 1,), lr_factor=self.lr_factor)]
