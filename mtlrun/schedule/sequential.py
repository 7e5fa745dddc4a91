"""Sequential training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from mtlrun.errors import Fault
from mtlrun.schedule.base import Phase, Schedule


@dataclass
class Sequential(Schedule):
    """One task at a time, in the order of `suite.tasks`, each for the whole budget.

    The last checkpoint is reported, so that what later tasks destroy in earlier ones (catastrophic forgetting)
    shows as negative transfer.

    Source: McCloskey and Cohen, Catastrophic Interference in Connectionist Networks, 1989.

    Args:
        encoder: what becomes of the shared parameters after the first task: later tasks train them on
            (`finetune`) or leave them as they are (`freeze`).
        earlier_heads: what becomes of the parameters that earlier tasks own: they stay as they were left
            (`keep`), or all tasks' own parameters are trained together at the end on the final shared ones
            (`refit`).
        refit: length of that last phase, as a fraction of the budget.
    """

    select: ClassVar[str] = "last"

    encoder: Literal["finetune", "freeze"] = "finetune"
    earlier_heads: Literal["keep", "refit"] = "keep"
    refit: float = 0.25

    def faults(self) -> Iterator[Fault]:
        if not 0 < self.refit <= 1:
            yield Fault("refit", "must be above 0 and at most 1", self.refit)

    def phases(self, tasks: int, steps: int) -> list[Phase]:
        phases = [
            Phase(steps, (task,), freeze_shared=task > 0 and self.encoder == "freeze")
            for task in range(tasks)
        ]
        if self.earlier_heads == "refit":
            phases.append(Phase(math.ceil(self.refit * steps), tuple(range(tasks)), freeze_shared=True))
        return phases
