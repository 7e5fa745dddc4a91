"""How many examples a search makes: the same few ones every time, or many new ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings

QUICK = {"settings": 200, "words": 60, "overrides": 12, "runs": 4, "folders": 10, "tables": 8, "files": 40}
"""Examples by search in the quick tests."""

LONG = {
    "settings": 5000,
    "words": 2000,
    "overrides": 800,
    "runs": 200,
    "folders": 500,
    "tables": 600,
    "files": 900,
}
"""The same in the slow tests, 10,000 in all. The environment's MTLRUN_FUZZ, a factor, makes it fewer or more."""

_COMMON: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "phases": [Phase.generate],  # failures are told as they are, each kind once: nothing to shrink
    "suppress_health_check": [*HealthCheck],
}


def quick(examples: int) -> Callable[[Any], Any]:
    """Return settings with the same examples every time."""
    return settings(max_examples=examples, derandomize=True, **_COMMON)


def long(examples: int) -> Callable[[Any], Any]:
    """Return settings with new examples every time."""
    factor = float(os.environ.get("MTLRUN_FUZZ", "1"))
    return settings(max_examples=max(1, round(examples * factor)), **_COMMON)
