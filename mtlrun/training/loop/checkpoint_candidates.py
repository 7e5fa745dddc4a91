"""Copies of parameters after the evaluations that may turn out to be the ones that count.

Which evaluation counts may be known at the end alone: `joint` weighs the tasks by means over the whole run. But an
evaluation that another one beats in every task can be chosen by no rule, so few copies are kept: of one task one,
of several the front between them. They are kept in main memory, and a lane is copied only where it adds to them.

Shape letters: R lanes, T tasks.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtlrun.data.suite import Suite
from mtlrun.data.task import METRICS, Task
from mtlrun.planning.settings.saving import Arrays, Rule
from mtlrun.training.runtime.state_tree import Tree

Values = NDArray[np.float64]


class _Front:
    """The evaluations of one lane that a rule may choose.

    Args:
        rule: the rule.
        judged: which tasks count for patience.
    """

    def __init__(self, rule: Rule, judged: Sequence[int]) -> None:
        self._rule, self._judged = rule, list(judged)
        self.values: dict[int, Values] = {}
        self._best = np.full(len(self._judged), -np.inf)
        self._since, self._ended = (
            -1,
            False,
        )  # the first evaluation that counts is no failure, whatever its values

    def offer(self, step: int, values: Values) -> bool:
        """Take up an evaluation, unless it can never be chosen; say whether it was taken up.

        Args:
            step: after which it was made.
            values: (T,) on validation rows, higher is better.
        """
        if self._ended:
            return False
        self._wait(step, values[self._judged])
        if self._rule.select == "last":
            self.values = {step: values}
            return True
        if any((kept >= values).all() for kept in self.values.values()):
            return False
        self.values = {s: kept for s, kept in self.values.items() if not (values > kept).all()}
        self.values[step] = values
        return True

    def state(self) -> Tree:
        """Return what it holds."""
        values = [[step, kept] for step, kept in self.values.items()]
        return {"values": values, "best": self._best, "since": self._since, "ended": self._ended}

    def load(self, state: Tree) -> None:
        """Go on from a state."""
        self.values = dict(state["values"])
        self._best, self._since, self._ended = state["best"], state["since"], state["ended"]

    def _wait(self, step: int, judged: Values) -> None:
        """Note whether the rule's patience ends with this evaluation."""
        if not self._rule.patience or step <= self._rule.after:
            return
        better = bool((judged > self._best).any())
        self._best = np.maximum(self._best, judged)
        self._since = 0 if better else self._since + 1
        self._ended = self._since >= self._rule.patience


class Kept:
    """The copies of all lanes.

    Args:
        rules: of each lane; none for a lane that keeps nothing.
        suites: of each lane; which tasks are judged counts for patience.
        tasks: of all lanes alike, but for their names.

    Attributes:
        copies: of each lane, by step.
    """

    def __init__(
        self, rules: Sequence[Sequence[Rule]], suites: Sequence[Suite], tasks: Sequence[Task]
    ) -> None:
        judged = [[t for t, n in enumerate(s.selected()) if s.primary in (None, n)] for s in suites]
        self._fronts = [[_Front(rule, own) for rule in r] for r, own in zip(rules, judged, strict=True)]
        self._primary = list(itertools.accumulate((len(t.metrics) for t in tasks[:-1]), initial=0))
        self._signs = [1 if METRICS[t.metrics[0]].direction == "higher" else -1 for t in tasks]
        self.copies: list[dict[int, Arrays]] = [{} for _ in rules]

    def offer(self, step: int, metrics: Tensor, tensors: Mapping[str, Tensor]) -> None:
        """Copy the tensors of the lanes in which an evaluation may turn out to be chosen.

        Args:
            step: after which it was made.
            metrics: (R, M) on validation rows, as `mtlrun.training.loop.evaluate.metric_names` has them.
            tensors: (R, ...) by name.
        """
        values = metrics[:, self._primary].double().cpu().numpy() * np.array(self._signs)
        values = np.where(np.isfinite(values), values, -np.inf)
        takes = [[f.offer(step, values[lane]) for f in fronts] for lane, fronts in enumerate(self._fronts)]
        adding = [lane for lane, taken in enumerate(takes) if any(taken)]
        lanes = torch.tensor(adding, dtype=torch.long)
        arrays = {n: t.detach()[lanes.to(t.device)].cpu().numpy() for n, t in tensors.items() if adding}
        for place, lane in enumerate(adding):
            wanted = {s for front in self._fronts[lane] for s in front.values}
            self.copies[lane] = {s: a for s, a in self.copies[lane].items() if s in wanted}
            self.copies[lane][step] = {n: a[place].copy() for n, a in arrays.items()}

    def state(self) -> Tree:
        """Return the copies, and what decides on further ones."""
        copies = [[[step, arrays] for step, arrays in lane.items()] for lane in self.copies]
        return {"fronts": [[front.state() for front in lane] for lane in self._fronts], "copies": copies}

    def load(self, state: Tree) -> None:
        """Go on from a state."""
        self.copies = [dict(lane) for lane in state["copies"]]
        for fronts, states in zip(self._fronts, state["fronts"], strict=True):
            for front, own in zip(fronts, states, strict=True):
                front.load(own)
