"""The real options: their keys, their values, and the names of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

CONF = Path(__file__).parents[3] / "conf"

HEAVY = ("hydra", "tracker", "wandb", "mlflow")
"""Words of keys that write beside the store, or start a process of a tracker; they are planned only."""

FAR = (
    "celeba",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "huggingface",
    "mnist",
    "multi_mnist",
    "office31",
    "office_home",
)
"""Suites of the Hub, which is not asked."""


class Tree(NamedTuple):
    """What can be set.

    Attributes:
        options: names of the options by group.
        settings: the dotted keys of each option, by `group=option`.
        keys: dotted keys, with the values that they have in some option.
        values: every value that stands somewhere, as YAML writes it.
    """

    options: dict[str, list[str]]
    settings: dict[str, list[str]]
    keys: dict[str, list[str]]
    values: list[str]


def _leaves(node: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, part in node.items():
            yield from _leaves(part, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, node


def text_of(value: Any) -> str:
    """Return a plain value as an override writes it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return "[" + ",".join(text_of(part) for part in value) + "]"
    return str(value)


@cache
def tree() -> Tree:
    """Read every option of the registry."""
    options: dict[str, list[str]] = {}
    settings: dict[str, list[str]] = {}
    keys: dict[str, list[str]] = {}
    for path in sorted(CONF.glob("*/*.yaml")):
        options.setdefault(path.parent.name, []).append(path.stem)
        if path.parent.name != "experiment":
            leaves = [*_leaves(yaml.safe_load(path.read_text()), path.parent.name)]
            settings[f"{path.parent.name}={path.stem}"] = [key for key, _ in leaves]
            for key, value in leaves:
                keys.setdefault(key, []).append(text_of(value))
    for key, value in _leaves(yaml.safe_load((CONF / "config.yaml").read_text()), ""):
        if not key.startswith(("defaults", "hydra")):
            keys.setdefault(key, []).append(text_of(value))
    values = sorted({value for found in keys.values() for value in found})
    return Tree(options, settings, {key: sorted({*found}) for key, found in keys.items()}, values)
