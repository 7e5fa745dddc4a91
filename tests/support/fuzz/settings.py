"""Jobs at random: one or two settings of the real options get a value of any type; Hydra takes no part."""

from __future__ import annotations

import copy
import random
from functools import cache
from typing import Any

import yaml

from mtlrun.compose import jobs_of
from support.fuzz.option_tree import CONF, FAR, tree

VALUES: tuple[Any, ...] = (
    *(0, -1, 1, 2, 3, 7, 0.5, -0.5, 1.5, 1e-300, 1e308, float("nan"), float("inf"), -float("inf")),
    *(2**31, 2**53 + 1, 2**62, 2**63, -(2**63) - 1, 10**40, 10**400, None, True, False),
    *(
        "",
        "x",
        " ",
        "a b",
        "é",
        "\x1b[2J",
        "null",
        "1",
        "x" * 300,
        "~nobody/x",
        "a\x00b",
        "${seeds}",
        "???",
        "balanced",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        {"a": 1},
        {"a": None},
        {1: 2},
        {None: 1},
        [1, 2, 3],
        [3, 3],
        ["a", "b"],
        [0.1, "x"],
        [[[[1]]]],
    ),
    *(
        {"a": {"b": [1]}},
        [float("nan")],
        [True],
        [2**63],
        {"a": 0.5, "b": 0.5},
        {"a": 1, "x": 2},
        [10**400],
        ["x" * 300],
    ),
)
"""Values of every type, at the ends of what each type holds."""

PLAIN = ("seeds", "tune", "controls", "frontier", "check", "study", "save", "diagnostics", "device", "dtype")
NESTED = (("tune", "trials"), ("tune", "seeds"), ("check", "margin"), ("diagnostics", "every"))


@cache
def _base() -> dict[str, Any]:
    """Return the job of a small suite."""
    return jobs_of(["suite=linear_teachers", "seeds=2", "store=none"])[0]


@cache
def _nodes() -> dict[str, list[dict[str, Any]]]:
    """Return the nodes of all options, by group."""
    found: dict[str, list[dict[str, Any]]] = {}
    for group, names in tree().options.items():
        if group not in ("experiment", "mitigation"):
            near = [name for name in names if name not in FAR]
            found[group] = [yaml.safe_load((CONF / group / f"{name}.yaml").read_text()) for name in near]
    return found


def job(rng: random.Random) -> tuple[dict[str, Any], str]:
    """Return a job with one or two odd settings, and these in words."""
    found, told = copy.deepcopy(_base()), []
    for _ in range(rng.choice([1, 1, 1, 2])):
        value = copy.deepcopy(rng.choice(VALUES))
        if rng.random() < 0.1:
            found[key := rng.choice(PLAIN)] = value
        elif rng.random() < 0.1:
            group, key = rng.choice(NESTED)
            if isinstance(found[group], dict):
                found[group][key] = value
        else:
            group = rng.choice(sorted(_nodes()))
            node = copy.deepcopy(rng.choice(_nodes()[group]))
            node.pop("defaults", None)
            key = rng.choice([name for name in node if name != "_target_"] or ["none"])
            found[group] = {**node, key: value}
            key = f"{group} {node.get('_target_')} {key}"
        told.append(f"{key} = {ascii(value)[:80]}")
    return found, "; ".join(told)
