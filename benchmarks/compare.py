"""Whether a second run of the benchmark agrees with a first, within the spread that both state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def compared(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any], bool]]:
    """Return the measures that both runs took, each with whether they agree.

    Two runs agree in a measure where their quartile ranges overlap.
    """
    earlier = {(m["work"], m["measure"]): m for m in before}
    pairs = [(earlier[m["work"], m["measure"]], m) for m in now if (m["work"], m["measure"]) in earlier]
    return [(a, b, _overlap(a["value"], b["value"])) for a, b in pairs]


def _overlap(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    return a["low"] <= b["high"] and b["low"] <= a["high"]
