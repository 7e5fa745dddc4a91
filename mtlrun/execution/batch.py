"""From the jobs of one command to stored runs: plan, reuse, train."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mtlrun.catalog import Known
from mtlrun.config import build
from mtlrun.execution.checkpoints import Terms, take_begun
from mtlrun.execution.coordination.claims import Claims
from mtlrun.execution.coordination.heartbeat import Heartbeat
from mtlrun.execution.launcher import Launcher
from mtlrun.execution.stopping import judged_anytime, more_seeds
from mtlrun.execution.study_manifest import note_look, write_manifest
from mtlrun.execution.tuning import choose, trial_jobs
from mtlrun.memo import Memo
from mtlrun.planning.cell import Cell
from mtlrun.planning.cohorts import CohortPlan, ProgramPlan, cut_programs, group_runs
from mtlrun.planning.settings.checkpointing import seconds_between
from mtlrun.planning.settings.recording import steps_between
from mtlrun.planning.settings.saving import Rule, rules_of, stopping_rules
from mtlrun.planning.study import Place, Study
from mtlrun.planning.tuning import Choice, Tuning
from mtlrun.pluralize import pluralize
from mtlrun.prepare.checks import check_tuning, prepare
from mtlrun.prepare.estimate import PROCESS_MIB, Estimate, estimate, needed_mib, size_programs
from mtlrun.prepare.too_large import check_memory
from mtlrun.store.checkpoints import Checkpoints
from mtlrun.store.store import Store
from mtlrun.store.weights import Weights
from mtlrun.training.vectorize.strategy_groups import kind

KEPT = ("finished", "diverged")  # a failed run is tried again


@dataclass
class Batch:
    """What is to be done for a batch of jobs.

    Attributes:
        study: cells and runs.
        store: where runs are kept.
        reused: ids of runs that the store has.
        unsaved: of runs that the store has without the weights that are asked for; they are trained again.
        save: how the checkpoints are chosen whose weights are kept, by run id.
        stops: the rules of early stopping by which reports will read runs, by run id.
        every: how often diagnostics are recorded, as of `mtlrun.planning.settings.recording.steps_between`.
        programs: what is to be trained.
        cohorts: the same, cut; timing may cut it otherwise.
        launcher: trains it.
        device: where: `auto`, `cpu` or `cuda`.
        processes: how many train at the same time.
        estimate: what that is expected to cost.
        there_mib: memory that a process may take at most.
        segments: the names of those that the store had when this was planned.
        checkpoint_s: seconds from one checkpoint of a cohort to the next; None for no checkpoints.
        notes: what is to be told before training.
    """

    study: Study
    store: Store
    reused: set[str]
    unsaved: set[str]
    save: dict[str, list[Rule]]
    stops: dict[str, list[Rule]]
    every: int | None
    programs: list[ProgramPlan]
    cohorts: list[CohortPlan]
    launcher: Launcher
    device: str
    processes: int
    estimate: Estimate
    there_mib: float = math.inf
    segments: set[str] | None = None
    checkpoint_s: float | None = None
    notes: list[str] = field(default_factory=list)

    def check_memory(self) -> None:
        """Raise unless memory holds a run of each program.

        Raises:
            ConfigError: it does not.
        """
        check_memory(self.programs, self.there_mib)


class Watcher(Protocol):
    """Is told how training goes on."""

    def note(self, text: str) -> None:
        """Something to know before training."""

    def begin(self, batch: Batch) -> None:
        """Training of this batch begins."""

    def advance(self, run_steps: int) -> None:
        """So many more run-steps are done."""

    def skip(self, run_steps: int) -> None:
        """So many run-steps less are to be done: another command has trained these runs."""

    def end(self) -> None:
        """Training ended, well or not."""


def plan_batch(
    jobs: Sequence[Mapping[str, Any]],
    known: Known | None = None,
    choices: Mapping[Place, Choice] | None = None,
    looked: Memo | None = None,
    store: Store | None = None,
    *,
    trains: bool = False,
) -> Batch:
    """Check jobs, and find what the store already has of them.

    Args:
        jobs: plain data, as Hydra composed them.
        known: every option that has a name; without it, ours and those of installed packages.
        choices: in what cells depart from their jobs.
        looked: knows the data of users' own suites, where a command plans several times.
        store: that of the jobs, where it has been opened: it is then not scanned once more.
        trains: whether it is to be trained too, so that the store must be one that can be written.

    Raises:
        ConfigError: faults in the jobs.
        StoreError: the store cannot be read, or not written where it must be.
    """
    return batch_of(prepare(jobs, known, choices, looked), jobs[0], store, trains=trains)


def batch_of(
    study: Study, job: Mapping[str, Any], store: Store | None = None, *, trains: bool = False
) -> Batch:
    """Return what is to be done for a study with the store, the device and the launcher of a checked job.

    Raises:
        ConfigError: there is no such device here.
        StoreError: the store cannot be read, or not written where it must be.
    """
    launcher: Launcher = build(job["launch"])
    device = launcher.device_type(job["device"])
    store = store or Store(job["store"])
    if trains:
        launcher.check_ready()
        store.check_writable()
    else:
        store.check_usable()
    segments = store.segment_names()  # before they are read: what comes later is looked for later
    statuses = store.statuses()
    save, saved = rules_of(study.cells, job.get("save")), Weights(store.path).names()
    lacking = {r for r, rules in save.items() if {str(rule) for rule in rules} - saved.get(r, set())}
    unsaved = {run_id for run_id in lacking if statuses.get(run_id) == "finished"}
    stored = {r for r, status in statuses.items() if status in KEPT}
    reused = stored & set(study.runs) - unsaved
    missing = [run for run_id, run in study.runs.items() if run_id not in reused]
    programs = group_runs(missing, kind)
    memory_mib, there_mib = launcher.memory(device)
    size_programs(programs, memory_mib, launcher.data, steps_between(job))
    if launcher.width is not None:
        for program in programs:
            program.width, program.chosen = launcher.width, {"by": "launch.width"}
    checkpoint_s, checkpoints, notes = seconds_between(job), Checkpoints(store.path), list[str]()
    if trains:
        checkpoints.sweep(stored - unsaved)
    if checkpoint_s is not None:
        terms = Terms(device, launcher.deterministic, steps_between(job), save)
        notes = take_begun(programs, checkpoints.found(), terms, launcher.always_compiles)
    processes = launcher.process_count(sum(p.run_steps * p.step_s for p in programs), device)
    widest_mib = PROCESS_MIB + max((needed_mib(p) for p in programs), default=0.0)
    processes = launcher.fitting(processes, widest_mib, device)
    cohorts = cut_programs(programs, processes)
    plan = estimate(cohorts, processes)
    return Batch(
        *(study, store, reused, unsaved, save, stopping_rules(study.cells), steps_between(job), programs),
        *(cohorts, launcher, job["device"], processes, plan, there_mib, segments),
        checkpoint_s=checkpoint_s,
        notes=notes,
    )


def train_batch(
    jobs: Sequence[Mapping[str, Any]],
    command: Sequence[str],
    watcher: Watcher,
    known: Known | None = None,
    store: Store | None = None,
) -> list[float]:
    """Train what the store does not have yet, and return each job's mean oriented validation metric.

    The study's manifest is written before training, so that an interrupted study can be reported.

    Args:
        jobs: plain data, as Hydra composed them.
        command: the overrides that asked for them.
        watcher: hears how it goes.
        known: every option that has a name; without it, ours and those of installed packages.
        store: that of the jobs, where it has been opened.

    Raises:
        ConfigError: faults in the jobs.
        StoreError: the store cannot be read or written.
    """
    jobs = judged_anytime(jobs)
    looked = Memo()
    batch = plan_batch(
        jobs, known, None, looked, store, trains=True
    )  # its faults come before those of tuning
    batch.check_memory()
    with Heartbeat(batch.store, batch.study.name, command) as heartbeat:
        choices = _tuned(jobs, watcher, known, looked, batch.store, heartbeat)
        if choices:
            batch = plan_batch(jobs, known, choices, looked, batch.store)
        while True:
            manifest = write_manifest(batch.study, batch.store, jobs[0], command, known)
            _tell_repeated(batch, watcher)
            train(batch, watcher, heartbeat)
            longer = more_seeds(batch.study, manifest, choices, batch.store)
            if not longer:
                note_look(batch.store, manifest)
                return _objectives(batch)
            choices = longer
            batch = plan_batch(jobs, known, choices, looked, batch.store)


def _tuned(
    jobs: Sequence[Mapping[str, Any]],
    watcher: Watcher,
    known: Known | None,
    looked: Memo,
    store: Store,
    heartbeat: Heartbeat,
) -> dict[Place, Choice]:
    """Return what validation chooses of the settings to try, after training them; nothing without such."""
    tuning, trials = plan_trials(jobs, known, store, looked)
    if tuning is None or trials is None:
        return {}
    settings, seeds = pluralize(len(tuning.settings), "setting"), pluralize(len(tuning.seeds), "seed")
    watcher.note(f"tuning: {settings} on {seeds}, chosen on validation")
    train(trials, watcher, heartbeat)
    return choose(trials.study, jobs, tuning, trials.store)


def plan_trials(
    jobs: Sequence[Mapping[str, Any]],
    known: Known | None = None,
    store: Store | None = None,
    looked: Memo | None = None,
) -> tuple[Tuning | None, Batch | None]:
    """Return what is tuned before jobs without faults are trained, and the batch of its trials; None for nothing.

    Raises:
        ConfigError: faults of `tune`, or of the jobs with a setting.
    """
    tuning = check_tuning(jobs)
    return tuning, None if tuning is None else plan_batch(
        trial_jobs(jobs, tuning), known, None, looked, store
    )


def _tell_repeated(batch: Batch, watcher: Watcher) -> None:
    repeated = len(batch.study.jobs) - len({tuple(ids) for ids in batch.study.jobs})
    if repeated:
        rule = "an explicit group, as weighting=, beats what mitigation= would set"
        watcher.note(f"{repeated} of {len(batch.study.jobs)} jobs ask for the same cell as another; {rule}")


def train(batch: Batch, watcher: Watcher, heartbeat: Heartbeat | None = None) -> None:
    """Train what a batch has to train, but for what other commands train, which is waited for.

    Args:
        batch: to be trained.
        watcher: hears how it goes.
        heartbeat: tells others of this command; where None, there is one for this batch.
    """
    if not batch.cohorts:
        return
    batch.check_memory()
    if heartbeat is None:
        with Heartbeat(batch.store, batch.study.name, []) as own:
            return train(batch, watcher, own)
    if batch.unsaved:
        watcher.note(
            f"{pluralize(len(batch.unsaved), 'stored run')} without the weights asked for: trained again"
        )
    for note in batch.notes:
        watcher.note(note)
    where = pluralize(batch.processes, *batch.launcher.unit)
    heartbeat.begin(sum(cohort.run_steps for cohort in batch.cohorts), where)
    watcher.begin(batch)
    try:
        batch.launcher.train(
            batch.programs,
            batch.store,
            batch.device,
            batch.processes,
            watcher.advance,
            watcher.note,
            batch.save,
            batch.stops,
            batch.every,
            Claims(batch.store, batch.save, batch.segments, batch.unsaved, heartbeat, watcher.skip),
            batch.checkpoint_s,
        )
    finally:
        watcher.end()


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

    reported = ([cells[c] for c in ids if cells[c].reported] for ids in batch.study.jobs)
    return [sum(map(objective, found)) / len(found) for found in reported]
