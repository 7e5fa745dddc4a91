"""What metrics of order need: ranks, the area under a curve, correlations. Tensors are (..., N, K), float64 out."""

from __future__ import annotations

import torch
from torch import Tensor


def ranks(values: Tensor, there: Tensor) -> Tensor:
    """Return each value's rank from 1 within its column, equal values sharing their mean rank.

    Args:
        values: (..., N, K).
        there: which count; the others stand behind all of them.
    """
    columns = torch.where(there, values, torch.inf).mT.contiguous()
    ordered = columns.sort(-1).values
    below, upto = (torch.searchsorted(ordered, columns, right=right) for right in (False, True))
    return ((below + upto + 1).double() / 2).mT


def area_under_curve(scores: Tensor, true: Tensor, there: Tensor) -> Tensor:
    """Return the area under the receiver operating characteristic: its mean over columns, (...).

    It is the chance that one that is true has the larger score than one that is not, ties counting half (Mann and
    Whitney, Annals of Mathematical Statistics 18, 1947). Columns in which one of the two is missing do not count;
    nan where none counts.

    Args:
        scores: (..., N, K).
        true: 0 or 1, of the same shape.
        there: which count.
    """
    yes, no = (true * there).sum(-2).double(), ((1 - true) * there).sum(-2).double()
    rank_sum = (ranks(scores, there) * (true * there)).sum(-2)
    area = (rank_sum - yes * (yes + 1) / 2) / (yes * no).clamp(min=1)
    counts = (yes > 0) & (no > 0)
    return torch.where(counts, area, 0).sum(-1) / counts.sum(-1)


def correlation(a: Tensor, b: Tensor, there: Tensor) -> Tensor:
    """Return Pearson's correlation of each column of a with that of b, (..., K); 0 where one is constant."""
    count = there.sum(-2, keepdim=True).clamp(min=1)
    a, b = (torch.where(there, x, 0) for x in (a, b))
    a, b = (torch.where(there, x - x.sum(-2, keepdim=True) / count, 0) for x in (a, b))
    scale = (a.square().sum(-2) * b.square().sum(-2)).sqrt()
    return torch.where(scale > 0, (a * b).sum(-2) / scale.clamp(min=torch.finfo(scale.dtype).tiny), 0)
