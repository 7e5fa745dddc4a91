"""Sequential training."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mtlrun.config import ADDED
from mtlrun.errors import Fault
from mtlrun.schedule.base import Active, Phase, Schedule


@dataclass
class Sequential(Schedule):
    """One task at a time, each for the whole budget.

    The last checkpoint is reported, so that what later tasks destroy in earlier ones (catastrophic forgetting)
    shows as negative transfer. Reports also say how much of a task is forgotten, and with `--level phases` which task
    was trained when, under this and any other schedule.

    With `replay` = r the phase of a later task is 1 / (1 - r) budgets long: the task still trains for its budget, and
    a share r of the steps, evenly spread, trains the earlier tasks, in turn, on all of their training rows. Those
    steps count as training of the earlier tasks, and so for their baselines.

    Cost: T budgets, of steps of one task; `replay` and `refit` add to them.
    Source: McCloskey and Cohen, Catastrophic Interference in Connectionist Networks, 1989; `replay`: Robins,
    Catastrophic Forgetting, Rehearsal and Pseudorehearsal, Connection Science 7, 1995.

    Args:
        encoder: what becomes of the shared parameters after the first task: later tasks train them on
            (`finetune`) or leave them as they are (`freeze`).
        earlier_heads: what becomes of the parameters that earlier tasks own: they stay as they were left
            (`keep`), or all tasks' own parameters are trained together at the end on the final shared ones
            (`refit`).
        refit: length of that last phase, as a fraction of the budget.
        replay: share of a later task's phase whose steps train earlier tasks.
        order: which task comes when: names, or positions from 0 in `suite.tasks`, of all tasks; `reversed`; or null
            for the order of `suite.tasks`.
    """

    select: ClassVar[str] = "last"

    encoder: Literal["finetune", "freeze"] = "finetune"
    earlier_heads: Literal["keep", "refit"] = "keep"
    refit: float = 0.25
    replay: float = field(default=0.0, kw_only=True, metadata=ADDED)
    order: Literal["reversed"] | list[int] | list[str] | None = field(
        default=None, kw_only=True, metadata=ADDED
    )

    def faults(self) -> Iterator[Fault]:
        if not 0 < self.refit <= 1:
            yield Fault("refit", "must be above 0 and at most 1", self.refit)
        if not 0 <= self.replay <= 0.9:
            yield Fault("replay", "must be at least 0 and at most 0.9", self.replay)

    def misfits(self, tasks: Sequence[str]) -> Iterator[Fault]:
        if isinstance(self.order, list):
            known = [*range(len(tasks))] if all(isinstance(t, int) for t in self.order) else [*tasks]
            if sorted(map(str, self.order)) != sorted(map(str, known)):
                yield Fault("order", "must have each task once, by name or by position", self.order, known)

    def phases(self, tasks: int, steps: int) -> list[Phase]:
        return self.phases_of([str(task) for task in range(tasks)], None, steps)

    def phases_of(self, tasks: Sequence[str], primary: str | None, steps: int) -> list[Phase]:
        order = self._positions(tasks)
        phases = [self._phase(order[: place + 1], steps) for place in range(len(order))]
        if self.earlier_heads == "refit":
            everyone = tuple(range(len(tasks)))
            phases.append(Phase(math.ceil(self.refit * steps), everyone, freeze_shared=True))
        return phases

    def _positions(self, tasks: Sequence[str]) -> Active:
        if self.order == "reversed":
            return tuple(reversed(range(len(tasks))))
        if not isinstance(self.order, list):
            return tuple(range(len(tasks)))
        return tuple(t if isinstance(t, int) else tasks.index(t) for t in self.order)

    def _phase(self, met: Active, steps: int) -> Phase:
        """Return the phase of the last of the tasks that have been met so far."""
        *earlier, task = met
        frozen = bool(earlier) and self.encoder == "freeze"
        if not earlier or self.replay == 0:
            return Phase(steps, (task,), freeze_shared=frozen)
        pattern = tuple(_turns(task, earlier, steps, self.replay))
        trained = tuple(sorted({t for active in pattern for t in active}))
        return Phase(len(pattern), trained, freeze_shared=frozen, pattern=pattern)


def _turns(task: int, earlier: Sequence[int], steps: int, share: float) -> Iterator[Active]:
    """Yield the tasks of every step until `task` has had its steps."""
    old = itertools.cycle(earlier)
    for step in itertools.count():
        if steps == 0:
            return
        replayed = math.floor((step + 1) * share) > math.floor(step * share)
        steps -= not replayed
        yield (next(old),) if replayed else (task,)
