"""Names for people, derived from the resolved config and never hashed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from mtlrun.catalog import Known, label, preset
from mtlrun.config import build
from mtlrun.memo import Memo
from mtlrun.planning.cell import Cell
from mtlrun.planning.manifest import LABELLED, MITIGATING, PLAIN
from mtlrun.planning.runs import canonical_json
from mtlrun.user_code import targets_in


def cell_labels(config: Mapping[str, Any], known: Known, memo: Memo) -> dict[str, str]:
    """Return the labels of a cell: suite, sharing, the four strategies, and the mitigation they amount to.

    Args:
        config: canonical config.
        known: every option that has a name.
        memo: knows the labels of other cells' nodes.
    """
    labels = {
        group: memo.keyed((group, config[group]), label, group, config[group], known) for group in LABELLED
    }
    suite = memo.keyed(config["suite"], _suite_label, config["suite"], known)
    presets = memo.keyed("presets", presets_of, known)
    return {"suite": suite, **labels, "mitigation": memo.keyed(labels, mitigation_label, labels, presets)}


def presets_of(known: Known) -> dict[str, dict[str, str]]:
    """Return what each preset sets, option by group."""
    return {name: preset("mitigation", name, root) for name, root in known["mitigation"].items()}


def mitigation_label(labels: Mapping[str, str], presets: Mapping[str, Mapping[str, str]]) -> str:
    """Return the preset that sets exactly these strategies, or else what differs from plain, joined by `+`.

    A preset may choose a sharing scheme too, which has a label of its own.
    """
    found = {group: labels[group] for group in MITIGATING}
    for name, sets in presets.items():
        if {**PLAIN, **{g: option for g, option in sets.items() if g in MITIGATING}} == found:
            return name
    return "+".join(found[group] for group in MITIGATING if found[group] != PLAIN[group])


def _suite_label(node: Mapping[str, Any], known: Known) -> str:
    suite = build(node)
    name = suite.called() or label("suite", node, known)
    return name if suite.selected() == suite.default() else f"{name}[{'+'.join(suite.selected())}]"


def base_suite(label: str) -> str:
    """Return the suite that a label of `cell_labels` names, without which of its tasks."""
    return label.partition("[")[0]


def set_hyper(cells: Sequence[Cell], known: Known) -> None:
    """Set `Cell.hyper`: the settings in which each cell differs from other cells of its suite.

    Settings of a group that has a label are compared among cells of the same label only: `l1` and `l2` have a
    coefficient each, which says nothing as long as all cells of `l1` have the same. Settings of a suite are compared
    among cells of the same tasks. What tuning chose is left out.

    Args:
        cells: all cells of a study.
        known: every option that has a name.
    """
    memo, values = Memo(), defaultdict[tuple[str, ...], set[str]](set)
    settings = [
        [
            (_peers(cell, key), key, value, text)
            for key, value, text in _flat(cell.config, known, memo)
            if not _is_tuned(cell, key)
        ]
        for cell in cells
    ]
    for cell_settings in settings:
        for peers, _, _, text in cell_settings:
            values[peers].add(text)
    for cell, cell_settings in zip(cells, settings, strict=True):
        cell.hyper = {key: value for peers, key, value, _ in cell_settings if len(values[peers]) > 1}


def _is_tuned(cell: Cell, key: str) -> bool:
    """Whether tuning chose a setting, so that its value says nothing of what was asked for."""
    keys = cell.tuned["keys"] if cell.tuned else ()
    return key in keys or any(key.startswith("budget.") and k.startswith("budget.") for k in keys)


def _peers(cell: Cell, key: str) -> tuple[str, ...]:
    """Return the name under which the values of a setting are compared."""
    group = key.partition(".")[0]
    among = cell.labels[group] if group in LABELLED else ""
    if group == "suite" and key != "suite.tasks":
        among = canonical_json(cell.config["suite"].get("tasks"))  # what only follows from them says nothing
    return (key, cell.labels["suite"], among)


def _flat(config: Mapping[str, Any], known: Known, memo: Memo) -> list[tuple[str, Any, str]]:
    """Return settings by dotted key, with their text."""
    return [
        setting
        for group, node in config.items()
        if group != "data"  # digests, which follow from settings or from files
        for setting in memo.keyed((group, node), _flat_node, group, node, known)
    ]


def _flat_node(group: str, node: Any, known: Known) -> list[tuple[str, Any, str]]:
    """Return a node's settings; the class of a group without a label column stands for the option."""
    if not isinstance(node, Mapping):
        return [(group, node, canonical_json(node))]
    flat: dict[str, Any] = {}
    for key, value in node.items():
        if any(targets_in(value)):
            flat |= _flat_code(f"{group}.{key}", value)
        elif key != "_target_":
            flat[f"{group}.{key}"] = value
        elif group not in (*LABELLED, "suite"):
            flat[group] = label(group, node, known)
    return [(key, value, canonical_json(value)) for key, value in flat.items()]


def _flat_code(key: str, value: Any) -> dict[str, Any]:
    """Return a user's own code and its arguments by dotted key; the key of the code is that of its node."""
    if not any(targets_in(value)) or not isinstance(value, Mapping):
        return {key: value}
    flat: dict[str, Any] = {}
    for name, part in value.items():
        flat |= {key: part} if name == "_target_" else _flat_code(f"{key}.{name}", part)
    return flat
