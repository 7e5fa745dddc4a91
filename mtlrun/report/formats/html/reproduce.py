"""The commands that train a study, or one cell of it, again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtlrun.catalog import Known, label, load_option, options_of
from mtlrun.report.analysis.summary import Summary

GROUPS = ("suite", "model", "sharing", "heads", "weighting", "schedule", "regularization", "optimizer")
"""Of the config of a run, besides its budget."""


def study_command(command: Sequence[str]) -> str:
    """Return the command that asked for a study; empty where none is known, as for a study made in Python."""
    return shlex.join(["mtlrun", "sweep", *command]) if command else ""


class CellCommands:
    """Makes the commands that train the runs of single cells, with their baselines."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._known: Known = options_of()
        self._words: dict[str, list[str] | None] = {}

    def command(self, cell_id: str) -> str:
        """Return the command of one cell.

        Empty where none of its own does: where settings were tuned on other runs, data are split anew, or a part of
        the config is no option that is installed here.
        """
        cell = self._summary.cells.get(cell_id, {})
        config: Mapping[str, Any] = cell.get("config", {})
        if cell.get("tuned") or cell.get("resplit") or "budget" not in config or _own(config):
            return ""
        parts: list[str] = []
        for group in GROUPS:
            words = self._group(group, config.get(group))
            if words is None:
                return ""
            parts += words
        parts.append("budget=steps")
        parts += [f"budget.{name}={_value(value)}" for name, value in config["budget"].items()]
        parts.append(f"budget.select={cell['select']}")
        if stop := cell.get("early_stop"):
            parts.append(f"budget.patience={stop['patience']}")
        parts += [f"dtype={config['dtype']}", f"seeds={_seeds(cell['seeds'])}"]
        parts += [word for word in self._summary.command if word.startswith("store=")]
        return shlex.join(["mtlrun", "run", *parts, f"study={self._summary.study}-{cell_id[:6]}"])

    def _group(self, group: str, node: Any) -> list[str] | None:
        """Return the overrides of one config group; None where no installed option has its target."""
        key = f"{group} {json.dumps(node, sort_keys=True)}"
        if key not in self._words:
            self._words[key] = self._find(group, node)
        return self._words[key]

    def _find(self, group: str, node: Any) -> list[str] | None:
        if not isinstance(node, Mapping):
            return None
        option = label(group, node, self._known)
        if option not in self._known[group]:
            return None
        usual = load_option(group, option, self._known[group][option])
        return [f"{group}={option}", *_differences(group, node, usual)]


def _own(config: Mapping[str, Any]) -> bool:
    """Return whether a run rests on code or data of the user's own, which no option names."""
    return bool(config.get("sources") or config.get("data"))


def _differences(group: str, node: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[str]:
    """Yield overrides for the settings in which a node differs from its option."""
    for key, value in node.items():
        if key == "_target_" or (key in usual and usual[key] == value):
            continue
        added = "" if key in usual else "+"
        yield f"{added}{group}.{key}={_value(value)}"


def _value(value: Any) -> str:
    """Return a value as Hydra's overrides take it."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_value(k)}:{_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_value, value)) + "]"
    if isinstance(value, str):
        plain = value.replace("_", "").replace(".", "").isalnum() and value.isascii()
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _seeds(seeds: Sequence[int]) -> str:
    """Return as `20` for seeds 0 to 19, else as a list."""
    whole = list(seeds) == list(range(len(seeds)))
    return str(len(seeds)) if whole else _value(list(seeds))
