"""Axes for gains: linear, or logarithmic on both sides of zero where gains differ by orders of magnitude."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDE = 12.0
"""How many times as large as the median of gains the largest is where an axis is logarithmic."""


@dataclass(frozen=True)
class Scale:
    """How values of an axis become its coordinates.

    Attributes:
        threshold: values up to this are shown linearly, larger ones by their logarithm; 0 for a linear axis.
        largest: the largest size of a value.
    """

    threshold: float
    largest: float

    @classmethod
    def of(cls, *parts: Any) -> Scale:
        """Return the scale that shows all these values."""
        joined = np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in parts] or [np.zeros(0)])
        sizes = np.abs(joined[np.isfinite(joined)])
        sizes = sizes[sizes > 0]
        if not sizes.size:
            return cls(0.0, 1.0)
        median, largest = float(np.median(sizes)), float(sizes.max())
        wide = largest > _WIDE * median
        return cls(10.0 ** math.floor(math.log10(median / 3)) if wide else 0.0, largest)

    def coordinates(self, values: Any) -> NDArray[np.float64]:
        """Return where values lie on the axis."""
        found = np.asarray(values, dtype=float)
        if not self.threshold:
            return found
        return np.sign(found) * np.log10(1 + np.abs(found) / self.threshold)

    def axis(self) -> dict[str, Any]:
        """Return the ticks of a logarithmic axis; nothing for a linear one."""
        if not self.threshold:
            return {}
        low = math.ceil(math.log10(self.threshold))
        high = math.floor(math.log10(self.largest))
        step = max(1, math.ceil((high - low + 1) / 4))
        between = (1, 3) if high - low < 2 else (1,)
        sizes = [part * 10.0**power for power in range(high, low - 1, -step)[::-1] for part in between]
        ticks = [-size for size in reversed(sizes)] + [0.0, *sizes]
        return {
            "tickmode": "array",
            "tickvals": [float(place) for place in self.coordinates(ticks)],
            "ticktext": [f"{tick:g}".replace("-", "−") for tick in ticks],
        }

    @property
    def words(self) -> str:
        """What a reader of the axis must know."""
        return " (logarithmic)" if self.threshold else ""
