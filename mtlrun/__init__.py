"""Experiment runner for negative-transfer studies in multi-task learning.

`run`, `plan` and `load` take what the command line takes; `Results` are tables and pictures of a study; `ArraySuite`
makes a suite of arrays. They are imported when they are first used, so `import mtlrun` takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mtlrun.version import __version__

if TYPE_CHECKING:
    from mtlrun.data.arrays.memory import ArraySuite
    from mtlrun.results import Results
    from mtlrun.study import Plan, load, plan, run

__all__ = ["ArraySuite", "Plan", "Results", "__version__", "load", "plan", "run"]

_HOMES = {
    "ArraySuite": "mtlrun.data.arrays.memory",
    "Results": "mtlrun.results",
    **dict.fromkeys(("Plan", "load", "plan", "run"), "mtlrun.study"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mtlrun' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
