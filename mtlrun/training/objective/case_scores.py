"""Scores of test cases over a training, of which those are kept that a report may read.

Shape letters: R lanes, E evaluations, T tasks, M cases, Q metrics of all tasks.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtlrun.data.task import METRICS, Task
from mtlrun.planning.settings.saving import Rule
from mtlrun.training.objective.cases import Counts
from mtlrun.training.runtime.state_tree import Tree


@dataclass(frozen=True)
class StoredScores:
    """Scores of the test cases of one task at one evaluation.

    Attributes:
        task: number of the task.
        step: after which the evaluation was made.
        scale: what `values` are multiples of, a power of two.
        cases: how many have a label; more than have a value where they are put into blocks.
        values: (M,) float16, NaN where none of the examples has a label: they tell how far a mean may be off, for
            which three digits are plenty.
    """

    task: int
    step: int
    scale: float
    cases: int
    values: NDArray[np.float16]


class CaseScores:
    """The scores of all lanes, evaluation by evaluation, where the data lie.

    Args:
        tasks: of all lanes alike, but for their names.
        counts: of each lane and task.
    """

    def __init__(self, tasks: Sequence[Task], counts: Sequence[Sequence[Counts]]) -> None:
        self._known = counts
        widths = itertools.accumulate((len(task.metrics) for task in tasks), initial=0)
        self._primary = list(widths)[:-1]
        self._signs = np.array([1 if METRICS[t.metrics[0]].direction == "higher" else -1 for t in tasks])
        self._scales: list[list[Tensor | None]] = []
        self._values: list[list[Tensor | None]] = []

    def add(self, scores: Sequence[Tensor | None]) -> None:
        """Take up the scores (R, M) of each task at one evaluation; None for tasks that have none."""
        pairs = [(None, None) if one is None else _halved(one) for one in scores]
        self._scales.append([scale for scale, _ in pairs])
        self._values.append([values for _, values in pairs])

    def state(self) -> Tree:
        """Return all scores so far."""
        return {"scales": self._scales, "values": self._values}

    def load(self, state: Tree) -> None:
        """Go on from the scores of a state."""
        self._scales, self._values = state["scales"], state["values"]

    def stored(
        self,
        steps: Sequence[int],
        val: NDArray[np.float64],
        judged: Sequence[Sequence[bool]],
        stops: Sequence[Sequence[Rule]],
    ) -> list[list[StoredScores]]:
        """Return for each lane what is kept: each task where it is selected alone, with all others, or at the end.

        Args:
            steps: (E,) of the evaluations.
            val: (R, E, Q) metrics on validation rows.
            judged: for each lane, which tasks a joint selection and early stopping look at.
            stops: for each lane, rules of early stopping by which it may be read too.
        """
        found: list[list[StoredScores]] = [[] for _ in judged]
        values = val[:, :, self._primary] * self._signs
        values = np.where(np.isfinite(values), values, np.nan)
        for lane, tasks in enumerate(judged):
            read = _read(values[lane], np.array(tasks))
            for rule in stops[lane]:
                end = _end(values[lane][:, tasks], np.array(steps), rule)
                read |= _read(values[lane][:end], np.array(tasks))
            for e, t in sorted(read):
                scale, scores = self._scales[e][t], self._values[e][t]
                if scale is not None and scores is not None:
                    count = self._known[lane][t]
                    kept = scores[lane, : count.scores].cpu().numpy()
                    found[lane].append(StoredScores(t, steps[e], float(scale[lane]), count.cases, kept))
        return found


def _read(val: NDArray[np.float64], judged: NDArray[np.bool_]) -> set[tuple[int, int]]:
    """Return the evaluations and tasks that a report may read, of oriented validation values (E, T).

    As reports choose: the best of each task, that of all judged ones together, the last.
    """
    last = len(val) - 1
    found = {(last, t) for t in range(val.shape[1])}
    worst = np.where(np.isnan(val), -np.inf, val)
    found |= {(int(e), t) for t, e in enumerate(worst.argmax(axis=0))}
    together = val[:, judged]
    known = ~np.isnan(together)
    scale = np.abs(np.where(known, together, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    joint = (together / np.where(scale > 0, scale, 1.0)).mean(axis=1)
    best = int(np.where(np.isnan(joint), -np.inf, joint).argmax())
    return found | {(best, int(t)) for t in np.flatnonzero(judged)}


def _end(val: NDArray[np.float64], steps: NDArray[np.int64], rule: Rule) -> int:
    """Return how many evaluations of oriented validation values (E, T) count under a rule of early stopping."""
    best, since = np.full(val.shape[1], -np.inf), -1  # the first evaluation that counts is no failure
    for e, values in enumerate(np.where(np.isnan(val), -np.inf, val)):
        if steps[e] > rule.after:
            since = 0 if (values > best).any() else since + 1
            best = np.maximum(best, values)
            if since >= rule.patience:
                return e + 1
    return len(val)


def _halved(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scale (R,) and the scores (R, M) in multiples of it, float16: the largest is below 2."""
    top = scores.nan_to_num(0.0, 0.0, 0.0).abs().amax(1)
    scale = torch.where(top > 0, torch.exp2(top.clamp(min=torch.finfo(top.dtype).tiny).log2().floor()), 1.0)
    return scale, (scores / scale.unsqueeze(1)).half()
