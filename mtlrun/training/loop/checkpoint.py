"""When the state of a cohort in training is written down, and from which it goes on."""

from __future__ import annotations

from mtlrun.training.runtime.state_tree import Tree


class Checkpoint:
    """The checkpoint of a cohort. This one is never due, and there is none to go on from.

    Attributes:
        before: the state to go on from, as of `mtlrun.training.loop.cohort.Cohort.state`; None to begin, and once
            it has been taken up.
    """

    before: Tree = None

    def due(self) -> bool:
        """Whether a checkpoint is to be written now; asked after every step, so it must cost next to nothing."""
        return False

    def write(self, state: Tree) -> None:
        """Write a state down."""
