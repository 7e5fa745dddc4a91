"""Descent on the landscape with mtlrun's own weightings, rules and step; a lane is a method from a start.

Shape letters: M methods of one group, S starts, R = M S lanes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from experiments.landscape.problem import STARTS, shifted
from mtlrun.catalog import load_option, options
from mtlrun.config import build
from mtlrun.data.task import Task
from mtlrun.regularization.none import NoRegularization
from mtlrun.schedule.base import Phase
from mtlrun.sharing.hard import Hard
from mtlrun.training.loop.compiled_step import compiled
from mtlrun.training.loop.phase_trainer import Trainer
from mtlrun.training.loop.probes import EXTRA_BATCHES
from mtlrun.training.loop.step import Batch, Examples, Lanes, Program, Seen
from mtlrun.training.objective.gradients import Tensors
from mtlrun.training.optimizers import Adam, LaneOptimizer
from mtlrun.training.vectorize.strategy_groups import Own, Rules, kind
from mtlrun.weighting.base import Facts
from mtlrun.weighting.one_run import lane_fields

TASKS = [Task(name, "regression", 1, 0, ("rmse",)) for name in ("first", "second")]
FACTS = Facts(tasks=2, elements=2, rows=(1, 1), goal=(1.0, 1.0))
PLAIN = load_option("regularization", "none")
KEPT = 200  # points of a path


class Place:
    """A network of one shared parameter: where each lane stands."""

    def __init__(self, leaves: Tensors) -> None:
        self.leaves, self.norms = leaves, set[str]()

    @contextmanager
    def bound_to(self, leaves: Tensors) -> Iterator[None]:
        """Let lanes stand elsewhere for a while; serves tracing."""
        kept, self.leaves = self.leaves, leaves
        try:
            yield
        finally:
            self.leaves = kept

    def join(self, tensors: Tensors) -> Tensors:
        """Return tensors as they are: a lane's parameter is in one piece."""
        return tensors


class Descent(Program):
    """The engine's step where losses are those of the landscape, whatever the examples."""

    def see(self, lanes: Lanes, examples: Examples) -> Seen:
        point = self.forward.leaves["point"]
        return Seen(list(shifted(point).unbind(1)), {}, [], [], {})


class Path(NamedTuple):
    """Where a method went: (S, kept, 2), the starts first."""

    method: str
    points: np.ndarray


def methods() -> list[str]:
    """Return the options of conf/weighting; `torchjd` where it is installed."""
    return [name for name in options("weighting") if name != "torchjd" or find_spec("torchjd")]


def groups(names: Sequence[str]) -> list[list[str]]:
    """Return the options in groups that need the same of a step, the largest first."""

    def alike(name: str) -> str:
        node = load_option("weighting", name)
        return str([build(node).one_by_one, kind({"weighting": node, "regularization": PLAIN})])

    found = [list(group) for _, group in groupby(sorted(names, key=alike), key=alike)]
    return sorted(found, key=len, reverse=True)


def descend(
    names: Sequence[str],
    steps: int,
    lr: float,
    starts: Sequence[tuple[float, float]] = STARTS,
    traced: bool = False,
) -> list[Path]:
    """Return the paths of one group of methods, with their defaults and Adam.

    Args:
        names: options of conf/weighting, of one group.
        steps: of each path.
        lr: of the point, and of what a method learns.
        starts: in the plane.
        traced: whether the step is traced first, which takes seconds and then saves half of the time.
    """
    weightings = [build(load_option("weighting", name)) for name in names]
    points = _walk(weightings, steps, lr, starts, traced and not weightings[0].one_by_one)
    return [Path(n, p) for n, p in zip(names, np.split(points, len(names)), strict=True)]


def _walk(
    weightings: list[Any], steps: int, lr: float, starts: Sequence[tuple[float, float]], traced: bool
) -> np.ndarray:
    """Return the paths of methods that need the same of a step, (R, kept, 2)."""
    trainer = _trainer(weightings, steps, lr, starts)
    rng = np.random.default_rng(0)
    extra = EXTRA_BATCHES[weightings[0].probe]
    keep = {round(k * steps / (KEPT - 1)) for k in range(KEPT)}
    point, path = trainer.optimizer.parameters["point"], []
    for step in range(steps + 1):
        if step in keep:
            path.append(point.detach().clone())
        if step < steps:
            # No batches here: an epoch is one step, and the further batches of a probe are the landscape again.
            draws = [_draw(rng, w.random_shape(2), len(starts)) for w in weightings]
            nothing = Examples([], [torch.empty(0)] * 2, {})
            batch = Batch(nothing, [nothing] * extra, draws, torch.tensor(step > 0))
            if traced and step == 0:
                trainer.compute = compiled(trainer.program, trainer.lanes, batch, "eager")
            trainer.step(batch, step)
    return torch.stack(path, 1).numpy()


def _trainer(weightings: list[Any], steps: int, lr: float, starts: Sequence[tuple[float, float]]) -> Trainer:
    count, adam = len(starts), Adam(lr=lr)
    rules = [
        Rules(w, NoRegularization(), Hard(), {"point": None}, slice(k * count, (k + 1) * count), count)
        for k, w in enumerate(weightings)
    ]
    lanes = count * len(rules)
    points = torch.tensor(starts, dtype=torch.float32).repeat(len(rules), 1)
    optimizer = LaneOptimizer([adam] * lanes, {"point": points})
    own, learners = [], {}
    for k, weighting in enumerate(weightings):
        learner = LaneOptimizer([adam] * count, _repeat(weighting.learned(FACTS), count))
        if learner.parameters:
            learners[k] = learner
        state = _repeat(weighting.init_state(FACTS), count)
        numbers = _repeat(lane_fields(weighting, range(2)), count)
        own.append(Own(learner.parameters, state, numbers, {}))
    ones = torch.ones(lanes, 2)
    everything = Lanes(optimizer.parameters, own, lr * ones[:, 0], goal=ones, last=ones)
    forward: Any = Place(optimizer.parameters)
    program = Descent(forward, {"point": None}, TASKS, (0, 1), (), rules, [])  # `see` has its own losses
    phase = Phase(steps, (0, 1))
    return Trainer(phase, program, everything, optimizer, learners, program.gradients)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], lanes: int) -> Tensor | None:
    return torch.from_numpy(rng.random((lanes, *shape))).float() if shape else None


def _repeat(tensors: Tensors, lanes: int) -> Tensors:
    return {n: t.float().expand(lanes, *t.shape).clone() for n, t in tensors.items()}
