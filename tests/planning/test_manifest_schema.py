"""A manifest's parts must fit together, and manifests of every version are read."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from mtlrun.planning.manifest_schema import LABELS, manifest_faults

TASK = {"name": "a", "kind": "binary", "metric": "accuracy", "direction": "higher"}
PHASE = {
    "begin": 0,
    "end": 10,
    "tasks": {"a": 10},
    "freeze_shared": False,
    "lr_factor": 1.0,
    "open": 1.0,
    "branches": [],
    "merge_every": None,
}
OLD: dict[str, Any] = {
    "config": {},
    "cell_id": "c",
    "labels": dict.fromkeys(LABELS, "x"),
    "select": "last",
    "tasks": [TASK],
    "seeds": [0, 1],
    "runs": ["r0", "r1"],
    "baselines": {"a": ["b0", "b1"]},
}
NEW = {
    **OLD,
    "resplit": {"splits": 2, "tasks": {"a": {"n_train": 5, "n_test": 5}}},
    "phases": [PHASE, {**PHASE, "begin": 10, "end": 20}],
    "front": [1.0],
    "early_stop": {"patience": 2, "after": 0},
    "expected": None,
}
SIDE = {"a": {"optimum": [0.5, 0.5], "expectation": None}}


def _manifest(cell: dict[str, Any]) -> dict[str, Any]:
    expected = {"c": {"mtl": SIDE, "stl": SIDE}}
    return copy.deepcopy({"study": "s", "statistics": {}, "cells": [cell], "expected": expected})


@pytest.mark.parametrize(
    "cell", [OLD, NEW, {**OLD, "judged": True, "resplit": {"n_train": 5, "n_test": 5}}, {**OLD, "later": [1]}]
)
def test_every_version_is_read(cell: dict[str, Any]) -> None:
    assert list(manifest_faults(_manifest(cell))) == []


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda c: c["seeds"].append(1), "`cells[0].seeds` must not repeat a value, found 1"),
        (lambda c: c["tasks"].append(TASK), "`cells[0].tasks` must not repeat a `name`, found 'a'"),
        (lambda c: c["baselines"].update(b=["x", "y"]), "one of them lacks `b`"),
        (
            lambda c: c.update(controls={"shuffled": {"a": []}}),
            "`cells[0].controls.shuffled.a` must have a run",
        ),
        (lambda c: c["resplit"]["tasks"].clear(), "`cells[0].resplit.tasks` must have an entry for task `a`"),
        (lambda c: c.update(resplit={"splits": 2}), "`cells[0].resplit` must have `tasks`"),
        (lambda c: c["phases"][1].update(begin=9), "`cells[0].phases[1]` must begin at step 10"),
        (
            lambda c: c["phases"][0].update(end=0),
            "`cells[0].phases[0].end` must be a whole number of at least 1",
        ),
        (lambda c: c.update(front=[]), "`cells[0].front` must have a weight for each task"),
        (lambda c: c.update(cell_id=""), "`cells[0].cell_id` must not be empty"),
        (lambda c: c.pop("runs"), "`cells[0].runs` must be there"),
    ],
)
def test_what_does_not_fit_is_told(edit: Callable[[dict[str, Any]], object], told: str) -> None:
    manifest = _manifest(NEW)
    edit(manifest["cells"][0])
    assert told in "\n".join(map(str, manifest_faults(manifest)))


def test_cells_do_not_repeat_and_expected_values_are_of_each_seed() -> None:
    manifest = _manifest(NEW)
    manifest["cells"] *= 2
    assert "`cells` must not repeat a `cell_id`" in str(next(iter(manifest_faults(manifest))))
    manifest = _manifest(NEW)
    manifest["expected"]["c"]["stl"] = {"a": {"optimum": [0.5], "expectation": None}}
    assert "one optimum a seed" in str(next(iter(manifest_faults(manifest))))


def test_a_command_may_hold_any_text() -> None:
    manifest = _manifest(copy.deepcopy(OLD)) | {"command": ["suite.targets={a: 'y\x1b[31m'}"]}
    assert list(manifest_faults(manifest)) == []
