"""Bootstrap resamples as weights."""

from __future__ import annotations

import numpy as np

from mtlrun.statistics.student import Array


def bootstrap_weights(n: int, resamples: int, rng: np.random.Generator) -> Array:
    """Return (resamples, n): each row is one draw of n units with replacement, as each unit's part of it."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n
