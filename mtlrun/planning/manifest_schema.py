"""What a study's manifest must hold so that it can be reported, in the form of every version that wrote one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from mtlrun.errors import Fault
from mtlrun.schema import (
    Schema,
    amount,
    any_text,
    anything,
    fault,
    fields,
    flag,
    list_of,
    map_of,
    maybe,
    name,
    number,
    one_of,
    text,
    whole,
)

LABELS = ("suite", "sharing", "heads", "weighting", "schedule", "regularization", "mitigation")
KINDS = ("multiclass", "binary", "multilabel", "regression")
SELECT = ("per_task", "joint", "last")

TASK = fields(
    {"name": name, "kind": one_of(*KINDS), "metric": name, "direction": one_of("higher", "lower")},
    {
        **dict.fromkeys(("n_train", "n_test", "n_together"), maybe(whole(1))),
        "cases": one_of("examples", "groups"),
    },
)
PHASE = fields(
    {
        "begin": whole(0),
        "end": whole(1),
        "tasks": map_of(whole(0)),
        "freeze_shared": flag,
        "lr_factor": amount,
        "open": maybe(amount),
        "branches": list_of(list_of(text)),
        "merge_every": maybe(whole(1)),
    }
)
SIZES: Mapping[str, Schema] = {"n_train": whole(1), "n_test": whole(0)}
RESPLIT = fields({}, {"splits": maybe(whole(1)), "tasks": map_of(fields(SIZES)), **SIZES})
CHOSEN: Mapping[str, Schema] = {
    "settings": map_of(anything),
    "trials": whole(0),
    "edge": list_of(text),
}
TUNED = fields({**CHOSEN, "seeds": whole(0), "baselines": map_of(fields(CHOSEN))}, {"keys": list_of(text)})
IDS = list_of(name)

CONFIG = fields({}, {"sources": map_of(text), "data": map_of(text)})
"""A canonical config. What its groups hold is checked where they are built."""

KEPT: Mapping[str, Schema] = {
    "cell_id": name,
    "config": CONFIG,
    "labels": fields(dict.fromkeys(LABELS, text)),
    "select": one_of(*SELECT),
    "tasks": list_of(TASK, least=1),
    "seeds": list_of(whole(0), least=1),
}
"""Fields of a cell that a lock keeps too."""

KEPT_OF_SOME: Mapping[str, Schema] = {
    "hyper": maybe(map_of(anything)),
    "resplit": maybe(RESPLIT),
    "phases": maybe(list_of(PHASE)),
    "early_stop": maybe(fields({"patience": whole(0), "after": whole(0)})),
    "tuned": maybe(TUNED),
}
CELL = fields(
    {**KEPT, "runs": IDS, "baselines": map_of(IDS)},
    {
        **KEPT_OF_SOME,
        "controls": maybe(map_of(map_of(IDS))),
        "front": maybe(list_of(amount)),
        "reported": flag,
        "judged": flag,
        "raised_from": maybe(whole(0)),
    },
)
EXPECTED = map_of(fields({"optimum": list_of(number), "expectation": maybe(number)}))
MANIFEST = fields(
    {"study": name, "statistics": map_of(anything), "cells": list_of(CELL)},
    {
        "command": list_of(any_text),
        "stop": maybe(fields({}, {"until": maybe(one_of("conclusive")), "max": whole(1), "batch": whole(1)})),
        "looks": maybe(map_of(list_of(whole(0)))),
        "expected": maybe(map_of(fields({"mtl": EXPECTED, "stl": EXPECTED}))),
        "check": fields({}, {"margin": amount}),
        "invocation": text,
    },
)


def manifest_faults(manifest: Any) -> Iterator[Fault]:
    """Yield what is wrong with a manifest: its fields, and where these are right, what does not fit together."""
    found = list(MANIFEST(manifest, ""))
    yield from found
    if found:
        return
    yield from repeated("cells", "cell_id", [cell["cell_id"] for cell in manifest["cells"]])
    for place, cell in enumerate(manifest["cells"]):
        for one in [*cell_faults(cell), *_run_faults(cell), *_expected_faults(manifest, cell)]:
            yield one._replace(key=f"cells[{place}].{one.key}")


def cell_faults(cell: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what does not fit together in a cell, of a manifest or of a lock, whose fields are right."""
    names = [task["name"] for task in cell["tasks"]]
    yield from repeated("tasks", "name", names)
    yield from repeated("seeds", "", cell["seeds"])
    resplit = cell.get("resplit") or {}
    if resplit and "tasks" not in resplit and not SIZES.keys() <= resplit.keys():
        yield Fault("resplit", "must have `tasks`, with the sizes of their parts")
    for own in names:
        if own not in resplit.get("tasks", {own: 0}):
            yield Fault("resplit.tasks", f"must have an entry for task `{own}`")
        if cell.get("tuned") and own not in cell["tuned"]["baselines"]:
            yield Fault("tuned.baselines", f"must have an entry for task `{own}`")
    end = 0
    for place, phase in enumerate(cell.get("phases") or ()):
        if phase["begin"] != end or phase["end"] <= end:
            rule = f"must begin at step {end}, where the one before it ends, and end later"
            yield fault(f"phases[{place}]", rule, {key: phase[key] for key in ("begin", "end")})
        end = phase["end"]


def repeated(key: str, field: str, values: list[Any]) -> Iterator[Fault]:
    """Yield a fault for each value of a list that stands there more than once."""
    for value, count in Counter(values).items():
        if count > 1:
            yield fault(key, f"must not repeat a{f' `{field}`' if field else ' value'}", value)


def _run_faults(cell: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each list of runs that has not one for each seed, and for each that lacks."""
    lists = {"runs": cell["runs"]}
    lists |= {f"baselines.{task}": ids for task, ids in cell["baselines"].items()}
    for control, by_task in (cell.get("controls") or {}).items():
        lists |= {f"controls.{control}.{task}": ids for task, ids in by_task.items()}
    names = {task["name"] for task in cell["tasks"]}
    for task in sorted(names ^ cell["baselines"].keys()):
        yield Fault("baselines", f"and `tasks` must have the same tasks; one of them lacks `{task}`")
    seeds = len(cell["seeds"])
    for key, ids in lists.items():
        if len(ids) != seeds:
            yield Fault(key, f"must have a run for each of the {seeds} seeds, found {len(ids)}")
    front = cell.get("front")
    if front is not None and len(front) < len(names):
        yield fault("front", "must have a weight for each task", front)


def _expected_faults(manifest: Mapping[str, Any], cell: Mapping[str, Any]) -> Iterator[Fault]:
    told = (manifest.get("expected") or {}).get(cell["cell_id"]) or {}
    for side in told.keys() & {"mtl", "stl"}:
        for task in cell["tasks"]:
            own = told[side].get(task["name"])
            if own is None or len(own["optimum"]) != len(cell["seeds"]):
                rule = f"must tell of task `{task['name']}` one optimum a seed"
                yield Fault("cell_id", f"has values in `expected`, which {rule}")
