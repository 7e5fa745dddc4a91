"""One phase of a cohort's training, ready to step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from mtlrun.schedule.base import Active, Phase
from mtlrun.training.batches.lanes import Batch, Lanes
from mtlrun.training.loop.branches import Branches
from mtlrun.training.loop.compiled_step import Compute
from mtlrun.training.loop.step import Program, learned_name
from mtlrun.training.optimizers import LaneOptimizer
from mtlrun.training.runtime.state_tree import Tree


@dataclass
class Trainer:
    """One phase of training, ready to step.

    Attributes:
        phase: what is trained, and for how long.
        program: what all lanes have in common.
        lanes: what differs between them.
        optimizer: of the model's parameters, from phase to phase the same.
        learners: by the place of its rules, of what a weighting learns.
        compute: `program.gradients`, or what does the same faster.
    """

    phase: Phase
    program: Program
    lanes: Lanes
    optimizer: LaneOptimizer
    learners: dict[int, LaneOptimizer]
    compute: Compute

    def step(self, batch: Batch, step: int) -> tuple[Tensor, Tensor]:
        """Train all lanes on one batch; `step` counts from 0. Returns losses and task weights, (R, T)."""
        gradients, losses, weights = self.compute(self.lanes, batch)
        within, steps = self.phase.place(step)
        self.optimizer.step(gradients, within, steps, self.phase.lr_factor)
        for place, learner in self.learners.items():
            own = {n: gradients.get(learned_name(place, n)) for n in learner.parameters}
            found = {n: g for n, g in own.items() if g is not None}
            learner.step(found, within, steps, self.phase.lr_factor)
        self.program.watch(self.lanes, batch)
        return losses, weights

    def state(self) -> Tree:
        """Return what changes from step to step, but for the models and their optimizer."""
        states = [own.state for own in self.lanes.own]
        learners = {str(place): learner.state() for place, learner in self.learners.items()}
        return {"weightings": states, "last": self.lanes.last, "learners": learners}

    def load(self, state: Tree) -> None:
        """Go on from a state of the same phase."""
        pairs = zip(self.lanes.own, state["weightings"], strict=True)
        self.lanes.own = [own._replace(state=held) for own, held in pairs]
        self.lanes.last = state["last"]
        for place, learner in self.learners.items():
            learner.load(state["learners"][str(place)])


def state_of_phase(trainers: Mapping[Active, Trainer], branches: Branches) -> Tree:
    """Return what changes from step to step of a phase, but for the models and their optimizer."""
    states = [[list(active), trainer.state()] for active, trainer in trainers.items()]
    return {"trainers": states, "branches": branches.state()}


def load_phase(trainers: Mapping[Active, Trainer], branches: Branches, state: Tree) -> None:
    """Go on in a phase from a state."""
    for active, own in state["trainers"]:
        trainers[tuple(active)].load(own)
    branches.load(state["branches"])
