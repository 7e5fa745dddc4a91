"""Jobs for tests of the plan: what Hydra composes, checked and complete, from the options in conf/."""

from __future__ import annotations

from typing import Any

from mtlrun.catalog import load_option
from mtlrun.config import build, to_node
from support.configs import GROUPS

DEFAULTS = {**GROUPS, "budget": "standard", "statistics": "paired_t", "stop": "fixed", "launch": "local"}
PLAIN_KEYS = {
    "seeds": 2,
    "tune": {},
    "controls": [],
    "study": "main",
    "store": "runs",
    "device": "auto",
    "dtype": "float32",
    "invocation": "",
}


def make_job(**choices: Any) -> dict[str, Any]:
    """Return a job: groups by name, as `weighting="dwa"`; settings by `group__key=value`; plain keys as they are."""
    nodes = {group: load_option(group, choices.get(group, option)) for group, option in DEFAULTS.items()}
    plain = dict(PLAIN_KEYS)
    for name, value in choices.items():
        group, _, key = name.partition("__")
        if key:
            nodes[group][key] = value
        elif name in plain:
            plain[name] = value
    return {**{group: to_node(build(node)) for group, node in nodes.items()}, **plain}
