"""A study: the cells and seeds that one command asks for, with the baselines that they need."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mtlrun.catalog import load_option
from mtlrun.config import build, to_node
from mtlrun.data.suite import Suite
from mtlrun.data.task import METRICS
from mtlrun.plan.budget import Budget
from mtlrun.plan.labels import cell_labels, varying_settings
from mtlrun.plan.runs import config_id, source_digests
from mtlrun.schedule.base import Schedule, trained_steps

PARTS = ("suite", "model", "sharing", "heads", "weighting", "schedule", "regularization", "optimizer")
"""The groups that a run's result depends on."""

BASELINE = {"sharing": "hard", "weighting": "equal", "schedule": "joint"}
"""What a single-task baseline has in place of the cell's own; of one task, nothing else is left to choose."""

Config = dict[str, Any]


@dataclass
class Cell:
    """One point of a study without its seed.

    Attributes:
        config: canonical config without the seed.
        cell_id: its hash.
        labels: names of the options, the mitigation's among them.
        hyper: settings that vary within the study and are no label.
        select: the checkpoint that reports read.
        tasks: the tasks that are judged: name, kind, primary metric, direction.
        seeds: the seeds asked for.
        runs: a run id per seed.
        baselines: for each judged task a run id per seed.
        resplit: sizes of the training and test part where each seed has its own split, else None.
        tuned: None for settings that were given, not tuned.
    """

    config: Config
    cell_id: str
    labels: dict[str, str]
    select: str
    tasks: list[dict[str, str]]
    seeds: list[int]
    runs: list[str]
    baselines: dict[str, list[str]]
    resplit: dict[str, int] | None
    hyper: dict[str, Any] = field(default_factory=dict)
    tuned: dict[str, Any] | None = None


@dataclass
class Study:
    """All cells of one command, and every run they need, baselines included.

    Attributes:
        name: under which the store keeps it.
        statistics: how it is judged.
        cells: each once.
        runs: canonical config, seed included, by run id.
        jobs: for each job the ids of its cells.
    """

    name: str
    statistics: dict[str, Any]
    cells: list[Cell]
    runs: dict[str, Config]
    jobs: list[list[str]]

    def manifest(self, command: Sequence[str]) -> dict[str, Any]:
        """Return what the store keeps of the study; the runs stand in the store by their ids."""
        cells = [asdict(cell) for cell in self.cells]
        return {"study": self.name, "command": list(command), "statistics": self.statistics, "cells": cells}


def plan_study(jobs: Sequence[Mapping[str, Any]]) -> Study:
    """Return the study of some jobs, each a checked config with complete nodes.

    Raises:
        ConfigError: a job's parts do not fit together.
    """
    runs: dict[str, Config] = {}
    cells: dict[str, Cell] = {}
    by_job = []
    for job in jobs:
        planned = [_plan_cell(job, suite, runs) for suite in suites_of(job)]
        by_job.append([cell.cell_id for cell in planned])
        for cell in planned:
            cells.setdefault(cell.cell_id, cell)
    for cell, hyper in zip(cells.values(), varying_settings(list(cells.values())), strict=True):
        cell.hyper = hyper
    first = jobs[0]
    return Study(first["study"], dict(first["statistics"]), list(cells.values()), runs, by_job)


def seed_list(seeds: int | Sequence[int]) -> list[int]:
    """Return the seeds that `seeds=10` (0 to 9) or `seeds=[3,7]` name."""
    return list(range(seeds)) if isinstance(seeds, int) else list(seeds)


def study_runs(cells: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids of all runs of a manifest's cells, baselines included."""
    found: set[str] = set()
    for cell in cells:
        found.update(cell["runs"], *cell["baselines"].values())
    return found


def suites_of(job: Mapping[str, Any]) -> Iterator[Suite]:
    """Yield a job's suite in canonical form, or one suite per pair of its tasks."""
    suite: Suite = build(job["suite"])
    names = suite.selected()
    for tasks in itertools.combinations(names, 2) if suite.pairs else [names]:
        yield suite.narrowed(tasks)


def _plan_cell(job: Mapping[str, Any], suite: Suite, runs: dict[str, Config]) -> Cell:
    """Return one cell and add the runs it needs."""
    info = suite.info()
    budget: Budget = build(job["budget"])
    schedule: Schedule = build(job["schedule"])
    steps = budget.steps_for(info.sources)
    config = _canonical(job, suite, steps, budget)
    seeds = seed_list(job["seeds"])
    judged = [t for t in info.tasks if suite.primary in (None, t.name)]
    phases = schedule.phases(len(info.tasks), steps)
    baselines = {}
    for task in judged:
        alone = trained_steps(phases, info.tasks.index(task))
        nodes = {group: load_option(group, option) for group, option in BASELINE.items()}
        baseline = _canonical({**job, **nodes}, suite.narrowed([task.name]), alone, budget)
        baselines[task.name] = _add_runs(baseline, seeds, runs)
    rows = info.sources[0].rows
    return Cell(
        config,
        config_id(config),
        cell_labels(config, suite),
        budget.select or schedule.select,
        [
            {
                "name": t.name,
                "kind": t.kind,
                "metric": t.metrics[0],
                "direction": METRICS[t.metrics[0]].direction,
            }
            for t in judged
        ],
        seeds,
        _add_runs(config, seeds, runs),
        baselines,
        {"n_train": rows["train"], "n_test": rows["test"]} if suite.resplit else None,
    )


def _canonical(job: Mapping[str, Any], suite: Suite, steps: int, budget: Budget) -> Config:
    """Return all that a cell's result depends on, in one form."""
    parts = {group: dict(job[group]) for group in PARTS} | {"suite": to_node(suite)}
    budget_node = {"steps": steps, "batch_size": budget.batch_size, "evaluations": budget.evaluations}
    digests = source_digests(parts.values())
    own_code = {"sources": digests} if digests else {}
    return {**parts, "budget": budget_node, "dtype": job["dtype"], **own_code}


def _add_runs(config: Config, seeds: Sequence[int], runs: dict[str, Config]) -> list[str]:
    ids = []
    for seed in seeds:
        run = {**config, "seed": seed}
        ids.append(config_id(run))
        runs.setdefault(ids[-1], run)
    return ids
