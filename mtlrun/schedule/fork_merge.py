"""ForkMerge."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtlrun.errors import Fault, part_faults
from mtlrun.schedule.base import Active, Phase, Schedule, forked


@dataclass
class ForkMerge(Schedule):
    """The goal is trained alone and with all tasks, from the same parameters; both are mixed; again and again.

    Each branch has the whole budget, in `merges` parts. After each part all parameters become
    (1 - k/n) a + (k/n) b, where a and b are those of the branches, n is `parts`, and the whole k from 0 to n is
    chosen by the goal's loss on validation rows: as far as that can tell, an auxiliary task that hurts is left out.
    The goal is `suite.primary`. Without it every task is one: beside the branch of all there is one of each task
    alone, and the sum of their losses chooses. Of more than two branches that of smallest loss comes first; the
    others, in the order of their losses, are mixed in as above where that lowers the loss.

    Cost: branches are trained one after another, on the same batches. The steps of all count for the run (2 budgets
    with a goal, T + 1 without) and for baselines (2 budgets for a goal). With two branches a merge takes `parts` + 1
    passes over validation rows. These choose the mixture as well as the checkpoint; only mixtures are evaluated.

    As in the authors' code each branch keeps its optimizer's memory over the merges. That code bounds the coefficient
    of the worse branch by 1/2; here it goes up to 1, as in the paper.

    Source: Jiang et al., ForkMerge: Mitigating Negative Transfer in Auxiliary-Task Learning, NeurIPS 2023, section 4;
    coefficients of 0, 0.2, ..., 1 as there.

    Args:
        merges: how often the branches are merged, the last time at the end of training.
        parts: coefficients are multiples of 1 / parts.
    """

    merges: int = 10
    parts: int = 5

    def faults(self) -> Iterator[Fault]:
        for name in ("merges", "parts"):
            yield from part_faults(name, getattr(self, name))

    def phases(self, tasks: int, steps: int) -> list[Phase]:
        return self._forked(tuple(range(tasks)), tasks, steps)

    def phases_of(self, tasks: Sequence[str], primary: str | None, steps: int) -> list[Phase]:
        goals = range(len(tasks)) if primary is None else [tasks.index(primary)]
        return self._forked(tuple(goals), len(tasks), steps)

    def _forked(self, goals: Active, tasks: int, steps: int) -> list[Phase]:
        if tasks == 1:
            return [Phase(steps, (0,))]
        period = math.ceil(steps / self.merges)
        branches = [*((goal,) for goal in goals), tuple(range(tasks))]
        return [forked(branches, period, math.ceil(steps / period), goals, self.parts)]
