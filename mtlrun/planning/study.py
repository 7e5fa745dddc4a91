"""A study: the cells and seeds that one command asks for, with the baselines that they need."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mtlrun.catalog import Known, load_option, options_of
from mtlrun.config import build, to_node
from mtlrun.data.checks.fingerprints import Digests, data_digests
from mtlrun.data.suite import Suite, run_seeds
from mtlrun.data.task import SourceInfo
from mtlrun.errors import ConfigError
from mtlrun.memo import Memo
from mtlrun.planning.budget import Budget
from mtlrun.planning.cell import Cell
from mtlrun.planning.labels import cell_labels, varying_settings
from mtlrun.planning.limits import check_runs, most_faults
from mtlrun.planning.pareto_grid import Point, front_nodes, points
from mtlrun.planning.run_spec import CellSpec, Config, RunSpec
from mtlrun.planning.runs import PARTS, config_id, source_digests
from mtlrun.planning.task_facts import resplit_of, task_facts
from mtlrun.planning.tuning import AS_GIVEN, Choice, Setting, applied
from mtlrun.schedule.base import Phase, Schedule, told, trained_steps
from mtlrun.user_code import targets_in

BASELINE = {"sharing": "hard", "weighting": "equal", "schedule": "joint"}
"""What a single-task baseline has in place of the cell's own; of one task, nothing else is left to choose."""

Place = tuple[int, int]
"""Where a cell comes from: the number of its job, and its number among the cells of that job."""


@dataclass
class Study:
    """All cells of one command, and every run they need, baselines included.

    Attributes:
        name: under which the store keeps it.
        statistics: how it is judged.
        stop: when it has enough seeds.
        cells: each once.
        runs: by run id.
        jobs: for each job the ids of its cells.
    """

    name: str
    statistics: dict[str, Any]
    stop: dict[str, Any]
    cells: list[Cell]
    runs: dict[str, RunSpec]
    jobs: list[list[str]]

    def manifest(self, command: Sequence[str]) -> dict[str, Any]:
        """Return what the store keeps of the study; the runs stand in the store by their ids."""
        about = {
            "study": self.name,
            "command": list(command),
            "statistics": self.statistics,
            "stop": self.stop,
        }
        return about | {"cells": [asdict(cell) for cell in self.cells]}


def plan_study(
    jobs: Sequence[Mapping[str, Any]],
    memo: Memo | None = None,
    known: Known | None = None,
    choices: Mapping[Place, Choice] | None = None,
    looked: Memo | None = None,
) -> Study:
    """Return the study of some jobs, each a checked config with complete nodes.

    Args:
        jobs: the configs.
        memo: knows parts of them already.
        known: every option that has a name; without it, ours and those of installed packages.
        choices: in what cells depart from their jobs.
        looked: knows the data of users' own suites already.

    Raises:
        ConfigError: a job's parts do not fit together, or there are too many runs.
    """
    choices, front = choices or {}, front_nodes(jobs)
    memo, looked = memo or Memo(), looked or Memo()
    known = options_of() if known is None else known
    runs: dict[str, RunSpec] = {}
    cells: dict[str, Cell] = {}
    by_job: list[list[str]] = []
    asked_for, seeds = 0, seed_count(jobs[0]["seeds"])
    for number, job in enumerate(jobs):
        asked = [
            (point, suite)
            for suite in memo.keyed(job["suite"], _suites, job, looked)
            for point in points(job, len(suite.tasks), memo, front)
        ]
        asked_for += len(asked)
        check_runs(asked_for, seeds)
        planned = [
            _plan_cell(point, suite, runs, known, memo, choices.get((number, place), AS_GIVEN))
            for place, (point, suite) in enumerate(asked)
        ]
        by_job.append([cell.cell_id for cell in planned])
        for cell in planned:
            first = cells.setdefault(cell.cell_id, cell)
            first.front, first.reported = first.front or cell.front, first.reported or cell.reported
    for cell, hyper in zip(cells.values(), varying_settings(list(cells.values()), known), strict=True):
        cell.hyper = hyper
    settings = (dict(jobs[0]["statistics"]), dict(jobs[0]["stop"]))
    return Study(jobs[0]["study"], *settings, list(cells.values()), runs, by_job)


def seed_list(seeds: int | Sequence[int]) -> list[int]:
    """Return the seeds that `seeds=10` (0 to 9) or `seeds=[3,7]` name."""
    return list(range(seeds)) if isinstance(seeds, int) else list(seeds)


def seed_count(seeds: int | Sequence[int]) -> int:
    """Return how many seeds these are."""
    return seeds if isinstance(seeds, int) else len(seeds)


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


def _suites(job: Mapping[str, Any], looked: Memo) -> list[_Ground]:
    digests = looked(data_digests, job["suite"], seed_list(job["seeds"])[0])
    return [_Ground.of(suite, digests) for suite in suites_of(job["suite"])]


def _plan_cell(
    point: Point,
    suite: _Ground,
    runs: dict[str, RunSpec],
    known: Known,
    memo: Memo,
    choice: Choice,
) -> Cell:
    """Return one cell and add the runs it needs."""
    given = point.job
    job = _tuned(given, choice.setting, memo)
    budget: Budget = memo(build, job["budget"])
    schedule: Schedule = memo(build, job["schedule"])
    steps, phases = _course(budget, schedule, suite)
    config = _canonical(job, suite.node, suite.data, steps, budget, memo)
    seeds = run_seeds(seed_list(job["seeds"]), suite.splits) if choice.seeds is None else choice.seeds
    plain = {**given, **{group: memo(load_option, group, option) for group, option in BASELINE.items()}}
    baselines = {}
    for task, node in suite.alone.items():
        alone = _tuned(plain, choice.alone.get(task, {}), memo)
        its_budget: Budget = memo(build, alone["budget"])
        its_phases = phases if its_budget == budget else _course(its_budget, schedule, suite)[1]
        its_steps = trained_steps(its_phases, suite.tasks.index(task))
        baseline = _canonical(alone, node, suite.data_alone[task], its_steps, its_budget, memo)
        baselines[task] = memo.keyed([baseline, seeds], add_runs, baseline, seeds, runs)
    return Cell(
        config,
        config_id(config),
        cell_labels(config, known, memo),
        budget.select or schedule.select,
        suite.facts,
        seeds,
        memo.keyed([config, seeds], add_runs, config, seeds, runs),
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


def _tuned(job: Mapping[str, Any], setting: Setting, memo: Memo) -> Mapping[str, Any]:
    """Return a job with a setting, its nodes complete again."""
    if not setting:
        return job
    changed = applied(job, setting)
    return {k: memo(_complete, v) if v is not job.get(k) else v for k, v in changed.items()}


def _complete(node: Mapping[str, Any]) -> Config:
    return to_node(build(node))


def _early_stop(budget: Budget, phases: Sequence[Phase]) -> dict[str, int] | None:
    if budget.patience is None:
        return None
    return {"patience": budget.patience, "after": sum(phase.steps for phase in phases[:-1])}


def _canonical(
    job: Mapping[str, Any], suite: Config, data: Digests, steps: int, budget: Budget, memo: Memo
) -> Config:
    """Return all that a cell's result depends on, in one form."""
    parts = {group: job[group] for group in PARTS} | {"suite": suite}
    budget_node = {"steps": steps, "batch_size": budget.batch_size, "evaluations": budget.evaluations}
    digests = memo(_digests, sorted({t for node in parts.values() for t in targets_in(node)}))
    own = ({"sources": digests} if digests else {}) | ({"data": data} if data else {})
    return {**parts, "budget": budget_node, "dtype": job["dtype"], **own}


def _digests(targets: Sequence[str]) -> dict[str, str]:
    return source_digests({"_target_": target} for target in targets)


def add_runs(config: Config, seeds: Sequence[int], runs: dict[str, RunSpec]) -> list[str]:
    """Add the runs of a canonical config with these seeds to `runs`, and return their ids."""
    added = CellSpec.of(config).runs(seeds)
    for run in added:
        runs.setdefault(run.run_id, run)
    return [run.run_id for run in added]
