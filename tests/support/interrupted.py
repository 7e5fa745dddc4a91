"""Training that stops after some steps and goes on from its checkpoint, as another process would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from mtlrun.training.loop.checkpoint import Checkpoint
from mtlrun.training.loop.lane_results import LaneResult
from mtlrun.training.runtime.state_tree import Tree, packed, unpacked
from support.cohorts import cohort_of

CPU = torch.device("cpu")


class StoppedError(Exception):
    """Training has stopped."""


class Stop(Checkpoint):
    """Stops training after so many steps, and keeps what it is to go on from, as a file would."""

    def __init__(self, steps: int, before: Tree = None) -> None:
        self._left, self.before = steps, before

    def due(self) -> bool:
        self._left -= 1
        return self._left == 0

    def write(self, state: Tree) -> None:
        arrays, text = packed(state)
        self.before = unpacked({name: array.copy() for name, array in arrays.items()}, text, CPU)
        raise StoppedError


def stopped_and_gone_on(
    configs: Sequence[dict[str, Any]], stops: Sequence[int], **how: Any
) -> list[LaneResult]:
    """Train lanes, stopping after so many further steps each time, each time with a cohort made anew."""
    before = None
    for steps in stops:
        stop = Stop(steps, before)
        try:
            cohort_of(configs, CPU, **how).train(checkpoint=stop)
        except StoppedError:
            before = stop.before
        else:
            raise AssertionError("training was over before it stopped")
    last = Stop(-1, before)
    return cohort_of(configs, CPU, **how).train(checkpoint=last)


def bits(results: Sequence[LaneResult]) -> list[str]:
    """Return each lane's result as text, which tells every bit of what is stored of it."""
    return [repr(_plain(vars(result))) for result in results]


def _plain(value: Any) -> Any:
    """Return arrays as shape, type and bytes, so that equal content is equal text."""
    if isinstance(value, dict):
        return [[key, _plain(v)] for key, v in sorted(value.items(), key=lambda pair: str(pair[0]))]
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "tobytes"):
        return [str(value.dtype), list(value.shape), value.tobytes().hex()]
    return _plain(vars(value)) if hasattr(value, "__dataclass_fields__") else repr(value)
