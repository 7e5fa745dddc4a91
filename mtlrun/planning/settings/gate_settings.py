"""What a study may set for the gate, under `check`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mtlrun.annotations import fits
from mtlrun.errors import Fault


def gate_faults(node: Any) -> Iterator[Fault]:
    """Yield what is wrong with the settings under `check`."""
    if not isinstance(node, dict) or not node.keys() <= {"margin"}:
        yield Fault("check", "has one setting", node, ["margin"])
    elif "margin" in node:
        margin = node["margin"]
        number = fits(margin, float)
        if not number or margin < 0:
            yield Fault("check.margin", "must be a finite number, not negative", margin)
