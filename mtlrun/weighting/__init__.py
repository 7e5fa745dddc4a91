"""Task weightings, one a file, and `Balancer`, which runs any of them in a training loop of the user's own.

Every weighting can be imported from here by the name of its class, as `from mtlrun.weighting import PCGrad`. Names
are those of the options in conf/weighting; neither they nor torch are loaded before a name is used.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

_BALANCER = "mtlrun.weighting.balancer.Balancer"


@cache
def _targets() -> dict[str, str]:
    """Return the dotted names of `Balancer` and of the class of each option, by the name of the class."""
    from mtlrun.catalog import load_option, options

    targets = [_BALANCER, *(load_option("weighting", option)["_target_"] for option in options("weighting"))]
    return {target.rpartition(".")[2]: target for target in sorted(targets)}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return list(_targets())
    if name.startswith("_") or name not in _targets():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, cls = _targets()[name].rpartition(".")
    return getattr(importlib.import_module(module), cls)


def __dir__() -> list[str]:
    return sorted({*globals(), *_targets()})
