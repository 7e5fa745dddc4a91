"""Canonical run configs for tests, from the options in conf/."""

from __future__ import annotations

from typing import Any

from mtlrun.catalog import load_option
from mtlrun.config import build, to_node

GROUPS = {
    "suite": "digits_parity",
    "model": "mlp",
    "sharing": "hard",
    "heads": "linear",
    "weighting": "equal",
    "schedule": "joint",
    "regularization": "none",
    "optimizer": "adam",
}


def run_config(seed: int = 0, steps: int = 20, dtype: str = "float64", **choices: Any) -> dict[str, Any]:
    """Return a run's config: groups by name, as `weighting="dwa"`; settings by `group__key=value`."""
    nodes = {group: load_option(group, choices.get(group, option)) for group, option in GROUPS.items()}
    nodes["model"] |= {"width": 16} if "width" in nodes["model"] else {"channels": 8}
    budget = {"steps": steps, "batch_size": 16, "evaluations": 2}
    for name, value in choices.items():
        group, _, key = name.partition("__")
        if key:
            (budget if group == "budget" else nodes[group])[key] = value
    complete = {group: to_node(build(node)) for group, node in nodes.items()}
    return {**complete, "budget": budget, "dtype": dtype, "seed": seed}
