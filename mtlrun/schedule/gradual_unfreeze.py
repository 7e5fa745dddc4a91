"""Gradual unfreezing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mtlrun.errors import Fault, part_faults
from mtlrun.schedule.base import Phase, Schedule


@dataclass
class GradualUnfreeze(Schedule):
    """All tasks but the last are trained first; the last one then opens the encoder block by block, from its top.

    The second half has `stages` equal parts; in part k the top k/stages of the encoder's blocks are trained, after a
    first part in which only the task's own parameters are.

    Cost: two budgets, the second of steps of one task.
    Source: Howard and Ruder, Universal Language Model Fine-tuning for Text Classification, ACL 2018, section 3.3.

    Args:
        stages: in how many parts the encoder is opened.
        lr_factor: multiplies the learning rate of the second half.
    """

    select: ClassVar[str] = "last"
    opens: ClassVar[bool] = True

    stages: int = 2
    lr_factor: float = 1.0

    def faults(self) -> Iterator[Fault]:
        yield from part_faults("stages", self.stages)
        if self.lr_factor <= 0:
            yield Fault("lr_factor", "must be above 0", self.lr_factor)

    def phases(self, tasks: int, steps: int) -> list[Phase]:
        if tasks == 1:
            return [Phase(steps, (0,))]
        last, part = (tasks - 1,), math.ceil(steps / (self.stages + 1))
        opened = [
            Phase(part, last, lr_factor=self.lr_factor, open=k / self.stages)
            for k in range(1, self.stages + 1)
        ]
        closed = Phase(part, last, freeze_shared=True, lr_factor=self.lr_factor)
        return [Phase(steps, tuple(range(tasks - 1))), closed, *opened]
