"""The branches of a phase: trained from the same parameters, then mixed, run by run, by loss on validation rows.

Shape letters: R lanes, B branches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mtlrun.schedule.base import Phase
from mtlrun.training.objective.gradients import Tensors
from mtlrun.training.optimizers import LaneOptimizer
from mtlrun.training.runtime.state_tree import Tree


class Branches:
    """Keeps the branches of one phase apart; of a phase without any it does nothing.

    Args:
        phase: says which steps are of which branch, and when they are merged.
        optimizer: remembers earlier updates.
        tensors: returns what training changes: parameters and running statistics.
        loss: of the parameters as they stand, on validation rows, in every lane: (R,).
    """

    def __init__(
        self,
        phase: Phase,
        optimizer: LaneOptimizer,
        tensors: Callable[[], Tensors],
        loss: Callable[[], Tensor],
    ) -> None:
        self._merge, self._optimizer, self._tensors, self._loss = phase.merge, optimizer, tensors, loss
        self._ends: list[Tensors] = []
        if self._merge:
            self._start = _copy(tensors())
            self._memories = [optimizer.memory() for _ in phase.branches]

    def before(self, step: int) -> None:
        """Where a branch begins with a step, take up its own memory and the parameters that all begin with."""
        if self._merge and step % self._merge.period == 0:
            self._write(self._start)
            self._exchange()

    def after(self, step: int) -> tuple[Tensor, Tensor] | None:
        """Where a branch ends with a step, lay it aside; where all have ended, merge them.

        Returns the weights (R, B) of a merge and the loss (R,) of the mixture, or None where there was none.
        """
        if not self._merge or (step + 1) % self._merge.period:
            return None
        self._exchange()
        self._ends.append(_copy(self._tensors()))
        if len(self._ends) < len(self._memories):
            return None
        weights, loss = search(self._loss_of, self._ends, self._merge.parts)
        self._start = mixture(self._ends, weights)
        self._write(self._start)
        self._ends = []
        return weights, loss

    def state(self) -> Tree:
        """Return what it holds; of a phase without branches nothing."""
        return {"start": self._start, "ends": self._ends, "memories": self._memories} if self._merge else {}

    def load(self, state: Tree) -> None:
        """Go on from a state of the same phase."""
        if self._merge:
            self._start, self._ends = state["start"], state["ends"]
            self._memories = [
                [(moments, updates) for moments, updates in parts] for parts in state["memories"]
            ]

    def _exchange(self) -> None:
        """Exchange the optimizer's memory with that of the branch that begins or ends."""
        place = len(self._ends)
        self._memories[place] = self._optimizer.exchange(self._memories[place])

    def _loss_of(self, weights: Tensor) -> Tensor:
        """Return the loss (R,) of a mixture; infinite where it is none."""
        self._write(mixture(self._ends, weights))
        loss = self._loss()
        return torch.where(loss.isfinite(), loss, torch.inf)

    @torch.no_grad()
    def _write(self, values: Tensors) -> None:
        for name, tensor in self._tensors().items():
            tensor.copy_(values[name])


def search(
    loss_of: Callable[[Tensor], Tensor], branches: Sequence[Tensors], parts: int
) -> tuple[Tensor, Tensor]:
    """Return for each lane the weights of a mixture, (R, B), and its loss, (R,).

    The branch of smallest loss comes first; each next one is mixed in by the k / parts of smallest loss, k from 0.
    Of equal losses the first counts.

    Args:
        loss_of: the loss (R,) for weights (R, B).
        branches: parameters (R, ...) of each branch.
        parts: n, as of `mtlrun.schedule.base.Merge`.
    """
    first = next(iter(branches[0].values()))
    alone = torch.eye(len(branches), dtype=first.dtype, device=first.device)
    losses = torch.stack([loss_of(branch.expand(len(first), -1)) for branch in alone], 1)
    order = losses.argsort(dim=1, stable=True)
    weights, best = alone[order[:, 0]], losses.amin(1)
    for rank in range(1, len(branches)):
        kept, added = weights, alone[order[:, rank]]
        for k in range(1, parts):
            tried = (1 - k / parts) * kept + k / parts * added
            loss = loss_of(tried)
            weights = torch.where((loss < best).unsqueeze(1), tried, weights)
            best = torch.minimum(loss, best)
    return weights, best


def mixture(branches: Sequence[Tensors], weights: Tensor) -> Tensors:
    """Return sum_b w_b p_b for weights (R, B); a branch without weight has no part, whatever its values are."""
    found: Tensors = {}
    for name, first in branches[0].items():
        shape = (len(first),) + (1,) * (first.dim() - 1)
        parts = [
            torch.where(w.view(shape) == 0, 0, w.view(shape) * b[name])
            for w, b in zip(weights.unbind(1), branches, strict=True)
        ]
        found[name] = sum(parts[1:], parts[0])
    return found


def _copy(parameters: Tensors) -> Tensors:
    return {name: parameter.detach().clone() for name, parameter in parameters.items()}
