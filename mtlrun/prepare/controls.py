"""Controls that split a gain into its causes: for each cell, runs that stand between a baseline and the cell.

Each control changes one thing more than the one before it, so that the steps between them add up to the whole:

    capacity    the baseline, with as many parameters as the task has at its disposal in the multi-task network: its
                own, and an equal part of the shared ones
    exposure    that, with as many steps, and examples in each, as the shared parameters see
    shuffled    the cell itself, with the other tasks' training labels shuffled: all that comes of training together
                but what the labels say

What is left between `shuffled` and the cell is what the other tasks' labels are worth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch

from mtlrun.config import build, to_node
from mtlrun.data.suite import Suite
from mtlrun.errors import ConfigError, Fault
from mtlrun.models.base import Model
from mtlrun.models.width import closest_in_size
from mtlrun.planning.cell import Cell
from mtlrun.planning.run_spec import RunSpec
from mtlrun.planning.study import Study, add_runs
from mtlrun.training.network import Network, Parts, build_network

CONTROLS = ("capacity", "exposure", "shuffled")
"""In the order in which they stand between a baseline and its cell."""

Config = Mapping[str, Any]


def network_of(config: Config) -> Network:
    """Return the network of a canonical config, without memory for its parameters.

    Raises:
        ConfigError: the parts do not fit each other or the suite.
    """
    suite: Suite = build(config["suite"])
    with torch.device("meta"):
        return build_network(Parts.of(config), suite.info(), seed=0)


def add_controls(study: Study) -> None:
    """Add to a study's cells the controls that it asks for; cells of one task, or without rows, have none.

    Raises:
        ConfigError: the model has one width only, so that its capacity cannot be matched.
    """
    names = study.spec.controls
    for cell in (cell for cell in study.cells if names and cell.reported):
        tasks = [task.name for task in build(cell.config["suite"]).info().tasks]
        cell.controls = {name: {} for name in CONTROLS if name in names}
        for task in cell.baselines if len(tasks) > 1 else ():
            for name, config in _controls(cell, task, tasks, study.runs).items():
                if name in names:
                    cell.controls[name][task] = add_runs(config, cell.seeds, study.runs, study.spec.memo)


def _controls(
    cell: Cell, task: str, tasks: Sequence[str], runs: Mapping[str, RunSpec]
) -> dict[str, dict[str, Any]]:
    """Return the config of every control of one task under a cell."""
    baseline = runs[cell.baselines[task][0]].cell.plain
    own, shared = _disposal(json.dumps(cell.config, sort_keys=True), tasks.index(task))
    fitted = {**baseline, "model": _fitted(baseline, own + round(shared / len(tasks)))}
    suite = replace(build(cell.config["suite"]), shuffled=[name for name in tasks if name != task])
    return {
        "capacity": fitted,
        "exposure": {**fitted, "budget": _exposure(cell, baseline["budget"])} if shared else fitted,
        "shuffled": {**cell.config, "suite": to_node(suite)},
    }


@lru_cache(maxsize=256)
def _disposal(config: str, task: int) -> tuple[int, int]:
    """Return how many parameters are a task's own, and how many are shared."""
    network = network_of(json.loads(config))
    sizes = {name: p.numel() for name, p in network.named_parameters()}
    owners = network.owners()
    own = sum(size for name, size in sizes.items() if owners[name] == task)
    return own, sum(size for name, size in sizes.items() if owners[name] is None)


def _fitted(baseline: Config, wanted: int) -> dict[str, Any]:
    """Return the node of the baseline's model, of the width that comes closest to so many parameters."""

    def size(model: Model) -> int:
        network = network_of({**baseline, "model": to_node(model)})
        return sum(p.numel() for p in network.parameters())

    model: Model = build(baseline["model"])
    narrowest = model.resized(1)
    if size(model) == wanted:
        return dict(baseline["model"])
    if narrowest is None:
        rule = "capacity needs a model whose width can be chosen, as model=mlp without init_from, not"
        raise ConfigError([Fault("controls", rule, type(model).__name__)])
    return to_node(narrowest if size(narrowest) >= wanted else closest_in_size(model, size, wanted))


def _exposure(cell: Cell, budget: Config) -> dict[str, Any]:
    """Return the baseline's budget with the steps and the examples that the cell's shared parameters see."""
    info = build(cell.config["suite"]).info()
    source = {task.name: task.source for task in info.tasks}
    steps, seen = 0, 0
    for phase in cell.phases:
        if not phase["freeze_shared"]:
            steps += phase["end"] - phase["begin"]
            by_source: dict[Any, int] = {}
            for task, count in phase["tasks"].items():  # tasks of one source share its examples
                by_source[source[task]] = max(by_source.get(source[task], 0), count)
            seen += sum(by_source.values())
    size = budget["batch_size"]
    if size != "full" and steps:
        size = min(round(size * seen / steps), *(s.rows["train"] for s in info.sources))
    return {**budget, "steps": steps or budget["steps"], "batch_size": size}
