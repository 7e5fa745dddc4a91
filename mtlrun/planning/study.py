"""A study: the cells and seeds that one command asks for, with the baselines that they need."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mtlrun.catalog import load_option
from mtlrun.config import build, complete, to_node
from mtlrun.data.checks.fingerprints import Digests, data_digests
from mtlrun.data.suite import Suite, run_seeds
from mtlrun.data.task import SourceInfo
from mtlrun.errors import ConfigError
from mtlrun.memo import Memo
from mtlrun.planning.budget import Budget
from mtlrun.planning.cell import Cell, resplit_of, task_facts
from mtlrun.planning.labels import cell_labels, set_hyper
from mtlrun.planning.limits import check_runs, most_faults
from mtlrun.planning.pareto_grid import Point, front_nodes, points
from mtlrun.planning.run_spec import Config, RunSpec, cell_runs
from mtlrun.planning.runs import PARTS, config_id, source_digests
from mtlrun.planning.study_spec import StudySpec
from mtlrun.planning.tuning import AS_GIVEN, Choice, Setting, applied
from mtlrun.schedule.base import Phase, Schedule, told, trained_steps

BASELINE = {"sharing": "hard", "weighting": "equal", "schedule": "joint"}
"""What a single-task baseline has in place of the cell's own; of one task, nothing else is left to choose."""

Place = tuple[int, int]
"""Where a cell comes from: the number of its job, and its number among the cells of that job."""


@dataclass
class Study:
    """All cells of one command, and every run they need, baselines included.

    Attributes:
        spec: what was asked for.
        cells: each once.
        runs: by run id.
        jobs: for each job the ids of its cells.
    """

    spec: StudySpec
    cells: list[Cell]
    runs: dict[str, RunSpec]
    jobs: list[list[str]]

    def manifest(self, command: Sequence[str]) -> dict[str, Any]:
        """Return what the store keeps of the study; the runs stand in the store by their ids."""
        about = {
            "study": self.spec.name,
            "command": list(command),
            "statistics": self.spec.statistics,
            "stop": self.spec.stop,
        }
        return about | {"cells": [asdict(cell) for cell in self.cells]}


def plan_study(spec: StudySpec, choices: Mapping[Place, Choice] | None = None) -> Study:
    """Return the study that a command asks for.

    Args:
        spec: of the command.
        choices: in what cells depart from their jobs.

    Raises:
        ConfigError: a job's parts do not fit together, or there are too many runs.
    """
    choices, memo = choices or {}, spec.memo
    front = front_nodes(spec.frontier, [job.nodes for job in spec.jobs])
    runs: dict[str, RunSpec] = {}
    cells: dict[str, Cell] = {}
    by_job: list[list[str]] = []
    asked_for = 0
    for number, job in enumerate(spec.jobs):
        asked = [
            (point, suite)
            for suite in memo.keyed(job.nodes["suite"], _suites, job.nodes["suite"], spec.seeds[0], memo)
            for point in points(job.nodes, len(suite.tasks), memo, front)
        ]
        asked_for += len(asked)
        check_runs(asked_for, len(spec.seeds))
        planned = [
            _plan_cell(point, suite, job.dtype, runs, spec, choices.get((number, place), AS_GIVEN))
            for place, (point, suite) in enumerate(asked)
        ]
        by_job.append([cell.cell_id for cell in planned])
        for cell in planned:
            first = cells.setdefault(cell.cell_id, cell)
            first.front, first.reported = first.front or cell.front, first.reported or cell.reported
    set_hyper(list(cells.values()), spec.known)
    return Study(spec, list(cells.values()), runs, by_job)


def suites_of(node: Mapping[str, Any]) -> Iterator[Suite]:
    """Yield the suite of a node in canonical form, or one suite per pair of its tasks.

    Raises:
        ConfigError: there are too many pairs.
    """
    suite: Suite = build(node)
    names = suite.selected()
    if suite.pairs:
        faults = most_faults(
            "suite.pairs", math.comb(len(names), 2), suite.pairs, f"pairs of {len(names):,} tasks"
        )
        if faults:
            raise ConfigError(faults)
    for tasks in itertools.combinations(names, 2) if suite.pairs else [names]:
        yield suite.narrowed(tasks)


@dataclass
class _Ground:
    """A suite in canonical form, with what every cell on it needs to know.

    Attributes:
        node: its config.
        tasks: names.
        primary: the one that is the goal, or None.
        sources: sizes.
        facts: what reports need to know of the tasks that are judged.
        alone: by judged task the config of the suite with only that task.
        resplit: as of `Cell`.
        splits: how many runs a seed asked for stands for.
        data: what tells the data of its tasks; nothing for a suite of ours.
        data_alone: by judged task the same of that task alone.
    """

    node: Config
    tasks: list[str]
    primary: str | None
    sources: tuple[SourceInfo, ...]
    facts: list[dict[str, Any]]
    alone: dict[str, Config]
    resplit: dict[str, Any] | None
    splits: int
    data: Digests
    data_alone: dict[str, Digests]

    @classmethod
    def of(cls, suite: Suite, digests: Digests) -> _Ground:
        info = suite.info()
        judged = [t for t in info.tasks if suite.primary in (None, t.name)]
        return cls(
            to_node(suite),
            [t.name for t in info.tasks],
            suite.primary,
            info.sources,
            [task_facts(suite, info, task) for task in judged],
            {t.name: to_node(suite.narrowed([t.name])) for t in judged},
            resplit_of(suite),
            suite.splits or 1,
            {t.name: digests[t.name] for t in info.tasks if digests},
            {t.name: {t.name: digests[t.name]} if digests else {} for t in judged},
        )


def _suites(node: Config, seed: int, memo: Memo) -> list[_Ground]:
    digests = memo(data_digests, node, seed)
    return [_Ground.of(suite, digests) for suite in suites_of(node)]


def _plan_cell(
    point: Point, suite: _Ground, dtype: str, runs: dict[str, RunSpec], spec: StudySpec, choice: Choice
) -> Cell:
    """Return one cell and add the runs it needs."""
    memo = spec.memo
    nodes = _tuned(point.nodes, choice.setting, memo)
    budget: Budget = memo(build, nodes["budget"])
    schedule: Schedule = memo(build, nodes["schedule"])
    steps, phases = _course(budget, schedule, suite)
    config = _canonical(nodes, dtype, suite.node, suite.data, steps, budget)
    seeds = run_seeds(spec.seeds, suite.splits) if choice.seeds is None else choice.seeds
    plain = {**point.nodes, **{group: memo(load_option, group, option) for group, option in BASELINE.items()}}
    baselines = {}
    for task, node in suite.alone.items():
        alone = _tuned(plain, choice.alone.get(task, {}), memo)
        its_budget: Budget = memo(build, alone["budget"])
        its_phases = phases if its_budget == budget else _course(its_budget, schedule, suite)[1]
        its_steps = trained_steps(its_phases, suite.tasks.index(task))
        baseline = _canonical(alone, dtype, node, suite.data_alone[task], its_steps, its_budget)
        baselines[task] = add_runs(baseline, seeds, runs, memo)
    return Cell(
        config,
        config_id(config),
        cell_labels(config, spec.known, memo),
        budget.select or schedule.select,
        suite.facts,
        seeds,
        add_runs(config, seeds, runs, memo),
        baselines,
        suite.resplit,
        told(phases, suite.tasks),
        _early_stop(budget, phases),
        tuned=choice.told,
        front=point.weights,
        reported=point.reported,
        raised_from=budget.raised_from(suite.sources),
    )


def _course(budget: Budget, schedule: Schedule, suite: _Ground) -> tuple[int, list[Phase]]:
    """Return the budget in steps, and the phases that a schedule makes of it."""
    steps = budget.steps_for(suite.sources)
    return steps, schedule.phases_of(suite.tasks, suite.primary, steps)


def _tuned(nodes: Mapping[str, Config], setting: Setting, memo: Memo) -> Mapping[str, Config]:
    """Return nodes with a setting, complete again."""
    if not setting:
        return nodes
    changed = applied(nodes, setting)
    return {k: memo(complete, v) if v is not nodes[k] else v for k, v in changed.items()}


def _early_stop(budget: Budget, phases: Sequence[Phase]) -> dict[str, int] | None:
    if budget.patience is None:
        return None
    return {"patience": budget.patience, "after": sum(phase.steps for phase in phases[:-1])}


def _canonical(
    nodes: Mapping[str, Config], dtype: str, suite: Config, data: Digests, steps: int, budget: Budget
) -> Config:
    """Return all that a cell's result depends on, in one form."""
    parts = {group: nodes[group] for group in PARTS} | {"suite": suite}
    budget_node = {"steps": steps, "batch_size": budget.batch_size, "evaluations": budget.evaluations}
    digests = source_digests(parts.values())
    own = ({"sources": digests} if digests else {}) | ({"data": data} if data else {})
    return {**parts, "budget": budget_node, "dtype": dtype, **own}


def add_runs(config: Config, seeds: list[int], runs: dict[str, RunSpec], memo: Memo) -> list[str]:
    """Add the runs of a canonical config with these seeds to `runs`, and return their ids."""
    added: list[RunSpec] = memo(cell_runs, config, seeds)
    for run in added:
        runs.setdefault(run.run_id, run)
    return [run.run_id for run in added]
