"""Trace norm between the towers of tasks, or of shared weights."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtlrun.config import ADDED
from mtlrun.errors import Fault
from mtlrun.regularization.base import On, Owners, Regularization


@dataclass
class TraceNorm(Regularization):
    """coefficient * sum of the trace norms of what the tasks' own weights are, one task a row, weight by weight.

    The trace norm of M (T, P), the sum of its singular values, is small where the tasks' weights lie in few
    directions: tasks share softly. It is the trace of (M M')^(1/2), computed from the eigenvalues of M M' (of M'M
    where that is smaller); 1e-12 of their mean is added to them, so that the gradient exists at 0. Weights that not
    all tasks have in one shape are left out: under `sharing=hard` with heads of different sizes there is nothing to
    penalise. With `on=shared`, M is each weight that tasks share, one output unit a row: a layer of low rank, so that
    tasks meet in few directions of it. On a GPU every decomposition makes the host wait.

    Cost: a decomposition for each weight and step.
    Source: Yang and Hospedales, Trace Norm Regularised Deep Multi-Task Learning, ICLR workshop 2017; of shared
    weights: Argyriou, Evgeniou and Pontil, Convex Multi-Task Feature Learning, Machine Learning 73, 2008.

    Args:
        coefficient: factor of the sum.
        on: which parameters are penalised: `private`, task towers against each other; each `shared` weight; or `all`.
    """

    coefficient: float = 1e-3
    on: On = field(default="private", kw_only=True, metadata=ADDED)

    def faults(self) -> Iterator[Fault]:
        if self.coefficient < 0:
            yield Fault("coefficient", "must not be negative", self.coefficient)

    def penalty(self, parameters: Mapping[str, Tensor], owners: Owners) -> Tensor:
        matrices = []
        if self.on != "shared":
            matrices += [torch.stack([w.flatten() for w in group]) for group in _towers(parameters, owners)]
        if self.on != "private":
            matrices += [p.flatten(1) for n, p in parameters.items() if owners[n] is None and p.dim() > 1]
        terms = [_norm(matrix) for matrix in matrices]
        return self.coefficient * torch.stack(terms).sum() if terms else torch.zeros(())


def _norm(matrix: Tensor) -> Tensor:
    # Decompositions raise for numbers that are not finite; such a lane, which diverges, gets them back.
    broken = ~matrix.isfinite().all()
    rows = torch.where(broken, 0.0, matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT)
    square = rows @ rows.mT
    huge = ~square.isfinite().all()
    values = torch.linalg.eigvalsh(torch.where(huge, 0.0, square))
    floor = 1e-12 * values.detach().mean() + torch.finfo(values.dtype).tiny
    return torch.where(broken | huge, torch.nan, (values.clamp(min=0) + floor).sqrt().sum())


def _towers(parameters: Mapping[str, Tensor], owners: Owners) -> list[list[Tensor]]:
    """Return for each weight that every task owns one of, in one shape, the tasks' weights.

    Tasks' weights correspond whose names differ in numbers alone: the first of each task, the second, and so on.
    """
    tasks = {owner for owner in owners.values() if owner is not None}
    found: dict[tuple[str, int], list[Tensor]] = defaultdict(list)
    counts = Counter[tuple[str, int]]()
    for name, value in parameters.items():
        owner = owners[name]
        if owner is not None and value.dim() > 1:
            kind = ".".join("*" if part.isdigit() else part for part in name.split("."))
            found[kind, counts[kind, owner]].append(value)
            counts[kind, owner] += 1
    groups = found.values()
    return [g for g in groups if len(g) == len(tasks) > 1 and len({w.shape for w in g}) == 1]
