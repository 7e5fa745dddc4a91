"""From the jobs of one command to stored runs: plan, reuse, train."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from mtlrun.catalog import Known
from mtlrun.config import build
from mtlrun.launch.check import prepare
from mtlrun.launch.estimate import Estimate, estimate, size_programs
from mtlrun.launch.local import Local
from mtlrun.launch.memory import free_mib
from mtlrun.launch.train import pick_device
from mtlrun.plan.cohorts import CohortPlan, ProgramPlan, cut_programs, group_runs
from mtlrun.plan.labels import varying_settings
from mtlrun.plan.study import Cell, Study, study_runs
from mtlrun.store.store import Store
from mtlrun.training.rules import kind

KEPT = ("finished", "diverged")  # a failed run is tried again


@dataclass
class Batch:
    """What is to be done for a batch of jobs.

    Attributes:
        study: cells and runs.
        store: where runs are kept.
        reused: ids of runs that the store has.
        programs: what is to be trained.
        cohorts: the same, cut; timing may cut it otherwise.
        launcher: trains it.
        processes: how many train at the same time.
        estimate: what that is expected to cost.
    """

    study: Study
    store: Store
    reused: set[str]
    programs: list[ProgramPlan]
    cohorts: list[CohortPlan]
    launcher: Local
    processes: int
    estimate: Estimate


class Watcher(Protocol):
    """Is told how training goes on."""

    def note(self, text: str) -> None:
        """Something to know before training."""

    def begin(self, batch: Batch) -> None:
        """Training of this batch begins."""

    def advance(self, run_steps: int) -> None:
        """So many more run-steps are done."""

    def end(self) -> None:
        """Training ended, well or not."""


def plan_batch(jobs: Sequence[Mapping[str, Any]], known: Known | None = None) -> Batch:
    """Check jobs, and find what the store already has of them.

    Args:
        jobs: plain data, as Hydra composed them.
        known: every option that has a name; without it, ours and those of installed packages.

    Raises:
        ConfigError: faults in the jobs.
        StoreError: the store cannot be read or written.
    """
    study = prepare(jobs, known)
    pick_device(jobs[0]["device"])
    store = Store(jobs[0]["store"])
    store.check_writable()
    reused = {run_id for run_id, status in store.statuses().items() if status in KEPT} & set(study.runs)
    missing = {run_id: config for run_id, config in study.runs.items() if run_id not in reused}
    launcher: Local = build(jobs[0]["launch"])
    device = pick_device(jobs[0]["device"]).type
    programs = group_runs(missing, kind)
    size_programs(
        programs, launcher.memory_mib or free_mib(device) / launcher.process_count(math.inf, device)
    )
    if launcher.width is not None:
        for program in programs:
            program.width, program.chosen = launcher.width, {"by": "launch.width"}
    processes = launcher.process_count(sum(p.run_steps * p.step_s for p in programs), device)
    cohorts = cut_programs(programs, processes)
    plan = estimate(cohorts, processes)
    return Batch(study, store, reused, programs, cohorts, launcher, processes, plan)


def train_batch(
    jobs: Sequence[Mapping[str, Any]],
    command: Sequence[str],
    watcher: Watcher,
    known: Known | None = None,
) -> list[float]:
    """Train what the store does not have yet, and return each job's mean oriented validation metric.

    The study's manifest is written before training, so that an interrupted study can be reported.

    Args:
        jobs: plain data, as Hydra composed them.
        command: the overrides that asked for them.
        watcher: is told how it goes.
        known: every option that has a name; without it, ours and those of installed packages.

    Raises:
        ConfigError: faults in the jobs.
        StoreError: the store cannot be read or written.
    """
    batch = plan_batch(jobs, known)
    cells = _with_earlier_cells(batch, jobs[0].get("invocation", ""), known)
    manifest = batch.study.manifest(command) | {"cells": cells, "invocation": jobs[0].get("invocation", "")}
    batch.store.write_study(manifest)
    repeated = len(jobs) - len({tuple(ids) for ids in batch.study.jobs})
    if repeated:
        rule = "an explicit group, as weighting=, beats what mitigation= would set"
        watcher.note(f"{repeated} of {len(jobs)} jobs ask for the same cell as another; {rule}")
    if batch.cohorts:
        watcher.begin(batch)
        try:
            batch.launcher.train(
                batch.programs,
                batch.store,
                jobs[0]["device"],
                batch.processes,
                watcher.advance,
                watcher.note,
            )
        finally:
            watcher.end()
    return _objectives(batch)


def run_counts(store: Store, manifest: Mapping[str, Any]) -> Counter[str]:
    """Return how many runs of a study have each status; `missing` for those that the store does not have."""
    statuses = store.statuses()
    return Counter(statuses.get(run_id, "missing") for run_id in study_runs(manifest["cells"]))


def run_errors(store: Store, manifest: Mapping[str, Any]) -> list[str]:
    """Return the first lines of the errors of a study's failed runs, each once; the store has them in full."""
    runs = store.runs(study_runs(manifest["cells"]))
    failed = runs[runs["status"] == "failed"]
    return list(dict.fromkeys(error.partition("\n")[0] for error in failed["error"]))


def _with_earlier_cells(batch: Batch, invocation: str, known: Known | None) -> list[dict[str, Any]]:
    """Return the study's cells with those that earlier jobs of the same command have stored."""
    cells = {cell.cell_id: cell for cell in batch.study.cells}
    if invocation and batch.study.name in batch.store.studies():
        earlier = batch.store.read_study(batch.study.name)
        if earlier.get("invocation") == invocation:
            cells = {c["cell_id"]: Cell(**c) for c in earlier["cells"]} | cells
    for cell, hyper in zip(cells.values(), varying_settings(list(cells.values()), known), strict=True):
        cell.hyper = hyper
    return [asdict(cell) for cell in cells.values()]


def _objectives(batch: Batch) -> list[float]:
    """Return what a sweeper may maximise: per job the mean over runs and tasks of the last validation value.

    Each task counts by its primary metric, negated where lower is better. Test values take no part.
    """
    cells = {cell.cell_id: cell for cell in batch.study.cells}
    curves = batch.store.curves({run_id for cell in cells.values() for run_id in cell.runs})
    last = curves[
        (curves["split"] == "val")
        & (curves["step"] == curves.groupby("run_id", observed=True)["step"].transform("max"))
    ]
    values = last.set_index(["run_id", "task", "metric"])["value"].to_dict()

    def objective(cell: Cell) -> float:
        sign = {task["name"]: 1 if task["direction"] == "higher" else -1 for task in cell.tasks}
        keys = [(run_id, task["name"], task["metric"]) for run_id in cell.runs for task in cell.tasks]
        found = [sign[key[1]] * values[key] for key in keys if key in values]
        return sum(found) / len(found) if found else float("nan")

    return [sum(objective(cells[c]) for c in ids) / len(ids) for ids in batch.study.jobs]
