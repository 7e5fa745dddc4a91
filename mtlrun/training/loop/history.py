"""What a cohort has recorded of its training so far.

Shape letters: R lanes, M metrics of all tasks, B branches.
"""

from __future__ import annotations

from torch import Tensor

from mtlrun.training.loop.checkpoint_candidates import Kept
from mtlrun.training.loop.gradient_records import GradientRecords
from mtlrun.training.objective.case_scores import CaseScores
from mtlrun.training.runtime.state_tree import Tree


class History:
    """The records of a cohort, evaluation by evaluation.

    Args:
        diverged: (R,) the first step whose loss was not finite, -1 where there is none.
        scores: of test cases.
        kept: parameters after the evaluations that may be chosen.
        records: of the tasks' gradients.

    Attributes:
        steps: after which there were evaluations.
        values: metrics of each evaluation, (R, splits, M).
        merges: of branches: after which step, the weights (R, B), and the loss (R,) of the mixture.
    """

    def __init__(self, diverged: Tensor, scores: CaseScores, kept: Kept, records: GradientRecords) -> None:
        self.diverged, self.scores, self.kept, self.records = diverged, scores, kept, records
        self.steps: list[int] = []
        self.values: list[Tensor] = []
        self.merges: list[tuple[int, Tensor, Tensor]] = []

    def state(self) -> Tree:
        """Return all of it."""
        own = {name: getattr(self, name) for name in ("steps", "values", "merges", "diverged")}
        return own | {name: getattr(self, name).state() for name in ("scores", "kept", "records")}

    def load(self, state: Tree) -> None:
        """Go on from a state."""
        self.steps, self.values, self.diverged = state["steps"], state["values"], state["diverged"]
        self.merges = [(step, weights, loss) for step, weights, loss in state["merges"]]
        for name in ("scores", "kept", "records"):
            getattr(self, name).load(state[name])
