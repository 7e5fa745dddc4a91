"""Named random streams: every draw of a run comes from (seed, name), never from global state.

Names do not depend on the suite's other tasks, on the sharing scheme or on the strategy, so the single-task
baseline and every multi-task run of one seed begin from the same weights and see the same examples.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream_seed(seed: int, name: str) -> int:
    """Return the 63-bit integer that seeds the stream `name` of a run's `seed`."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def stream(seed: int, name: str) -> np.random.Generator:
    """Return a fresh generator for the stream `name` of a run's `seed`."""
    return np.random.default_rng(stream_seed(seed, name))
