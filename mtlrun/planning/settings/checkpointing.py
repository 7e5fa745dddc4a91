"""How often training is written down, under `checkpoint`. No part of a run's id: it changes no result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mtlrun.errors import Fault

EVERY_S = 600.0
"""Seconds from one checkpoint to the next where nothing is said; short studies are over before."""


def checkpoint_faults(node: Any) -> Iterator[Fault]:
    """Yield what is wrong with the settings under `checkpoint`."""
    if not isinstance(node, dict) or not node.keys() <= {"every_s"}:
        yield Fault("checkpoint", "has one setting", node, ["every_s"])
    elif node.get("every_s") is not None:
        every_s = node["every_s"]
        number = isinstance(every_s, int | float) and not isinstance(every_s, bool)
        if not number or not 0 < every_s < math.inf:
            yield Fault("checkpoint.every_s", "must be seconds above 0, or null for no checkpoints", every_s)


def seconds_between(job: Mapping[str, Any]) -> float | None:
    """Return the seconds from one checkpoint to the next; None for no checkpoints."""
    every_s = (job.get("checkpoint") or {}).get("every_s", EVERY_S)
    return None if every_s is None else float(every_s)
