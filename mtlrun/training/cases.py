"""The scores of test cases, from which verdicts learn how far a test set may be off.

A case is a test example, or a group of them where rows are no independent examples. Where a task has more than
`MOST` cases they are put into so many blocks at random, the same for every run: the mean of blocks of equal size
varies as that of their cases does. Shape letters: R lanes, N test examples, M cases or blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtlrun.data.task import Source
from mtlrun.streams import stream

MOST = 1000


@dataclass(frozen=True)
class Cases:
    """To which case each test example of one source belongs.

    Attributes:
        count: M.
        cases: examples or groups, before blocks are made of them.
        of: (N,) case of each example; None where each example is one.
    """

    count: int
    cases: int
    of: Tensor | None

    @classmethod
    def of_source(cls, source: Source, device: torch.device) -> Cases:
        """Return the cases of a source's test part."""
        rows = source.splits["test"]
        case = np.arange(len(rows))
        if source.groups is not None:
            _, case = np.unique(source.groups[rows], return_inverse=True)
        count = cases = int(case.max(initial=-1)) + 1
        if count > MOST:
            block = stream(0, "blocks").permutation(count) % MOST
            case, count = block[case], MOST
        alone = count == len(rows) and (case == np.arange(count)).all()
        return cls(count, cases, None if alone else torch.from_numpy(case).to(device))

    def gather(self, scores: Tensor) -> Tensor:
        """Return scores (R, M) of cases whose mean, over cases that have any, is about that of scores (R, N).

        A case's score is theta + (M / N) times the sum of its examples' distances from theta, theta being the mean of
        all: to first order what the metric would lose without the case. NaN stands for an example without a label,
        and for a case without any.
        """
        if self.of is None:
            return scores
        known = ~scores.isnan()
        theta = scores.nanmean(1, keepdim=True)
        away = torch.where(known, scores - theta, 0)
        case = self.of.expand_as(scores)
        empty = scores.new_zeros(len(scores), self.count)
        sums, labels = empty.scatter_add(1, case, away), empty.scatter_add(1, case, known.to(scores.dtype))
        there = labels > 0
        share = there.sum(1, keepdim=True) / known.sum(1, keepdim=True).clamp(min=1)
        return torch.where(there, theta + share * sums, torch.nan)


def cases_of(sources: Sequence[Sequence[Source]], device: torch.device) -> list[Cases] | None:
    """Return the cases of each source, of all lanes alike; None where lanes differ in them.

    Args:
        sources: for each lane its sources.
        device: where scores are gathered.
    """
    found = [[Cases.of_source(source, device) for source in lane] for lane in distinct(sources)]
    first = found[0]
    alike = all(
        a.count == b.count
        and (a.of is b.of or (a.of is not None and b.of is not None and torch.equal(a.of, b.of)))
        for lane in found[1:]
        for a, b in zip(first, lane, strict=True)
    )
    return first if alike else None


def distinct(sources: Sequence[Sequence[Source]]) -> list[Sequence[Source]]:
    """Return the lanes that differ in test rows or groups, each once."""
    keys = {
        tuple((id(source.splits["test"]), id(source.groups)) for source in lane): lane for lane in sources
    }
    return list(keys.values())
