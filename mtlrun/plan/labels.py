"""Names for people, derived from the resolved config and never hashed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from mtlrun.catalog import describe, label, options
from mtlrun.data.suite import Suite
from mtlrun.plan.runs import canonical_json

if TYPE_CHECKING:
    from mtlrun.plan.study import Cell

LABELLED = ("sharing", "heads", "weighting", "schedule", "regularization")
MITIGATING = ("heads", "weighting", "schedule", "regularization")
PLAIN = {"heads": "linear", "weighting": "equal", "schedule": "joint", "regularization": "none"}
"""What `mitigation=none` stands for."""


def cell_labels(config: Mapping[str, Any], suite: Suite) -> dict[str, str]:
    """Return the labels of a cell: suite, sharing, the four strategies, and the mitigation they amount to."""
    labels = {group: label(group, config[group]) for group in LABELLED}
    return {"suite": _suite_label(config, suite), **labels, "mitigation": mitigation_label(labels)}


def mitigation_label(labels: Mapping[str, str]) -> str:
    """Return the preset that sets exactly these strategies, or else what differs from plain, joined by `+`."""
    found = {group: labels[group] for group in MITIGATING}
    for name, sets in _presets().items():
        if {**PLAIN, **sets} == found:
            return name
    return "+".join(found[group] for group in MITIGATING if found[group] != PLAIN[group])


@cache
def _presets() -> dict[str, dict[str, str]]:
    return {name: describe("mitigation", name).sets for name in options("mitigation")}


def _suite_label(config: Mapping[str, Any], suite: Suite) -> str:
    name = label("suite", config["suite"])
    return name if suite.selected() == suite.default() else f"{name}[{'+'.join(suite.selected())}]"


def varying_settings(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Return for each cell the settings in which it differs from other cells of its suite.

    Settings of a group that has a label are compared among cells of the same label only: `l1` and `l2` have a
    coefficient each, which says nothing as long as all cells of `l1` have the same.
    """
    values: dict[tuple[str, ...], set[str]] = defaultdict(set)
    flats = [_flat(cell.config) for cell in cells]
    for cell, flat in zip(cells, flats, strict=True):
        for key, value in flat.items():
            values[_peers(cell, key)].add(canonical_json(value))
    return [
        {key: value for key, value in flat.items() if len(values[_peers(cell, key)]) > 1}
        for cell, flat in zip(cells, flats, strict=True)
    ]


def _peers(cell: Cell, key: str) -> tuple[str, ...]:
    """Return the name under which the values of a setting are compared."""
    group = key.partition(".")[0]
    return (key, cell.labels["suite"], cell.labels[group] if group in LABELLED else "")


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by dotted key; the class of a group without a label column stands for the option."""
    flat: dict[str, Any] = {}
    for group, node in config.items():
        if not isinstance(node, Mapping):
            flat[group] = node
            continue
        for key, value in node.items():
            if key != "_target_":
                flat[f"{group}.{key}"] = value
            elif group not in (*LABELLED, "suite"):
                flat[group] = label(group, node)
    return flat
