"""The scores of test cases, from which verdicts learn how far a test set may be off.

A case is a test example, or a group of them where rows are no independent examples. Where a task has more than
`MOST` cases they are put into so many blocks at random, the same for every run: the mean of blocks of equal size
varies as that of their cases does. Shape letters: R lanes, N test examples, M cases or blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.task import Source, SuiteData, labelled
from mtlrun.streams import stream

MOST = 1000


@dataclass(frozen=True)
class Cases:
    """To which case each test example of one source belongs.

    Attributes:
        count: M; of lanes that differ the largest.
        of: (N,) case of each example, or (R, N) where lanes differ; None where each example is one.
    """

    count: int
    of: Tensor | None

    @classmethod
    def of_source(cls, source: Source, device: torch.device) -> Cases:
        """Return the cases of a source's test part."""
        case = _numbers(source)
        count = int(case.max(initial=-1)) + 1
        if count > MOST:
            block = stream(0, "blocks").permutation(count) % MOST
            case, count = block[case], MOST
        alone = count == len(case) and (case == np.arange(count)).all()
        return cls(count, None if alone else torch.from_numpy(case).to(device))

    @classmethod
    def of_lanes(cls, lanes: Sequence[Cases], rows: int, device: torch.device) -> Cases:
        """Return the cases of lanes that each have their own, of as many examples (`rows`)."""
        first = lanes[0]
        if all(one is first for one in lanes):
            return first
        of = [torch.arange(rows, device=device) if one.of is None else one.of for one in lanes]
        return cls(max(one.count for one in lanes), torch.stack(of))

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


class Counts(NamedTuple):
    """How many scores a lane's task has, and how many test cases with a label stand behind them."""

    scores: int
    cases: int


def cases_of(data: Sequence[SuiteData], device: torch.device) -> list[Cases]:
    """Return the cases of each source; lanes may differ in them.

    Args:
        data: of each lane.
        device: where scores are gathered.
    """
    found: dict[tuple[IdentityKey[Any], IdentityKey[Any]], Cases] = {}
    for lane in data:
        for source in lane.sources:
            if _key(source) not in found:
                found[_key(source)] = Cases.of_source(source, device)
    return [
        Cases.of_lanes([found[_key(source)] for source in lanes], len(lanes[0].splits["test"]), device)
        for lanes in zip(*(lane.sources for lane in data), strict=True)
    ]


def counts_of(data: Sequence[SuiteData]) -> list[list[Counts]]:
    """Return the counts of each lane and task."""
    numbers: dict[tuple[IdentityKey[Any], IdentityKey[Any]], NDArray[np.int64]] = {}
    found: list[list[Counts]] = []
    for lane in data:
        found.append([])
        for task in lane.tasks:
            source = lane.sources[task.source]
            case = numbers.setdefault(_key(source), _numbers(source))
            there = labelled(task, source.targets[task.name][source.splits["test"]])
            cases = int(case.max(initial=-1)) + 1
            known = cases if there.all() else len(np.unique(case[there]))
            found[-1].append(Counts(min(cases, MOST), known))
    return found


def _numbers(source: Source) -> NDArray[np.int64]:
    """Return the number of each test example's case (N,), before blocks are made of cases."""
    rows = source.splits["test"]
    if source.groups is None:
        return np.arange(len(rows))
    return np.unique(source.groups[rows], return_inverse=True)[1].reshape(-1)


def _key(source: Source) -> tuple[IdentityKey[Any], IdentityKey[Any]]:
    return IdentityKey(source.splits["test"]), IdentityKey(source.groups)
