"""Arithmetic on gradients of all lanes: dicts by name of tensors (R, ...), one dict per task.

Shape letters: R lanes, T tasks, P elements of all named gradients of a lane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Tensors = dict[str, Tensor]


def products(left: Sequence[Tensors], right: Sequence[Tensors], names: Sequence[str]) -> Tensor:
    """Return the inner products of two lists of gradients, (R, T, T); of a list with itself, its Gramian."""
    symmetric = left is right
    entries: dict[tuple[int, int], Tensor] = {}
    for name in names:
        rows = [gradients[name].flatten(1) for gradients in left]
        columns = rows if symmetric else [gradients[name].flatten(1) for gradients in right]
        for i in range(len(rows)):
            for j in range(i + 1 if symmetric else len(columns)):
                product = torch.linalg.vecdot(rows[i], columns[j]).unsqueeze(1)
                entries[i, j] = entries[i, j] + product if (i, j) in entries else product
    tasks = range(len(left))
    place = (lambda i, j: (max(i, j), min(i, j))) if symmetric else (lambda i, j: (i, j))
    return torch.stack([torch.cat([entries[place(i, j)] for j in tasks], 1) for i in tasks], 1)


def weighted_sum(by_task: Sequence[Tensors], weights: Tensor, names: Sequence[str]) -> Tensors:
    """Return sum_t w_t g_t for weights (R, T)."""
    found: Tensors = {}
    for name in names:
        first = by_task[0][name]
        shape = (len(first),) + (1,) * (first.dim() - 1)
        found[name] = first * weights[:, 0].view(shape)
        for position in range(1, len(by_task)):
            found[name].addcmul_(by_task[position][name], weights[:, position].view(shape))
    return found


def flat(gradients: Tensors, names: Sequence[str]) -> Tensor:
    """Return named gradients as one row per lane, (R, P)."""
    return torch.cat([gradients[n].flatten(1) for n in names], 1)


def unflat(rows: Tensor, like: Mapping[str, Tensor]) -> Tensors:
    """Return rows (R, P) as gradients of these names and shapes."""
    parts = rows.split([g[0].numel() for g in like.values()], 1)
    return {n: part.reshape(g.shape) for (n, g), part in zip(like.items(), parts, strict=True)}


def by_lane(losses: Sequence[Tensor]) -> Tensor:
    """Return losses by task, (R,) or of a lone lane (), as one tensor (R, T)."""
    return torch.stack(list(losses), -1).reshape(-1, len(losses))
