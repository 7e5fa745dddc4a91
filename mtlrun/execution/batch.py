"""From the jobs of one command to stored runs: plan, reuse, train."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mtlrun.errors import ConfigError, Fault
from mtlrun.execution.checkpoints import Terms, take_begun
from mtlrun.execution.coordination.claims import Claims
from mtlrun.execution.coordination.heartbeat import Heartbeat
from mtlrun.execution.launcher import Launcher
from mtlrun.execution.stopping import more_seeds
from mtlrun.execution.study_manifest import note_look, write_manifest
from mtlrun.execution.tuning import choose, trial_jobs
from mtlrun.execution.workers.task import Task
from mtlrun.planning.cell import Cell
from mtlrun.planning.cohorts import CohortPlan, ProgramPlan, cut_programs, group_runs
from mtlrun.planning.settings.saving import Rule, rules_of, stopping_rules
from mtlrun.planning.study import Place, Study, plan_study
from mtlrun.planning.study_spec import StudySpec
from mtlrun.planning.tuning import Choice, Tuning
from mtlrun.prepare.checks import prepare
from mtlrun.prepare.controls import add_controls
from mtlrun.prepare.estimate import PROCESS_MIB, Estimate, estimate, needed_mib, size_programs
from mtlrun.prepare.too_large import check_memory
from mtlrun.store.checkpoints import Checkpoints
from mtlrun.store.store import Store
from mtlrun.store.weights import Weights
from mtlrun.text.pluralize import pluralize
from mtlrun.training.vectorize.strategy_groups import kind

LAUNCHER_RULE = "must name a class derived from mtlrun.execution.launcher.Launcher"

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
        programs: what is to be trained.
        cohorts: the same, cut; timing may cut it otherwise.
        launcher: trains it.
        processes: how many train at the same time.
        estimate: what that is expected to cost.
        there_mib: memory that a process may take at most.
        segments: the names of those that the store had when this was planned.
        notes: what is to be told before training.
    """

    study: Study
    store: Store
    reused: set[str]
    unsaved: set[str]
    save: dict[str, list[Rule]]
    stops: dict[str, list[Rule]]
    programs: list[ProgramPlan]
    cohorts: list[CohortPlan]
    launcher: Launcher
    processes: int
    estimate: Estimate
    there_mib: float = math.inf
    segments: set[str] | None = None
    notes: list[str] = field(default_factory=list)


class Watcher:
    """Is told how training goes on; this one keeps it to itself."""

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
    spec: StudySpec,
    choices: Mapping[Place, Choice] | None = None,
    store: Store | None = None,
    *,
    trains: bool = False,
) -> Batch:
    """Plan what a command asks for, and find what the store already has of it.

    Args:
        spec: of the command.
        choices: in what cells depart from their jobs.
        store: that of the command, where it has been opened: it is then not scanned once more.
        trains: whether it is to be trained too, so that the store must be one that can be written, and memory
            must hold a run of each program.

    Raises:
        ConfigError: there are too many runs, or controls that a model cannot have; or as of `batch_of`.
        StoreError: the store cannot be read, or not written where it must be.
    """
    study = plan_study(spec, choices)
    add_controls(study)
    return batch_of(study, store or Store(spec.store), trains=trains)


def batch_of(study: Study, store: Store, *, trains: bool = False) -> Batch:
    """Return what is to be done for a study with its device and launcher, and with what the store has of it.

    Raises:
        ConfigError: there is no such device here, what trains is no launcher, or memory does not hold what it must.
        StoreError: the store cannot be read, or not written where it must be.
    """
    spec, launcher = study.spec, study.spec.launcher
    if not isinstance(launcher, Launcher):
        raise ConfigError([Fault("launch._target_", LAUNCHER_RULE, type(launcher).__name__)])
    device = launcher.device_type(spec.device)
    if trains:
        launcher.check_ready()
        store.check_writable()
    else:
        store.check_usable()
    segments = store.segment_names()  # before they are read: what comes later is looked for later
    statuses = store.statuses()
    save, saved = rules_of(study.cells, spec.save), Weights(store.path).names()
    lacking = {r for r, rules in save.items() if {str(rule) for rule in rules} - saved.get(r, set())}
    unsaved = {run_id for run_id in lacking if statuses.get(run_id) == "finished"}
    stored = {r for r, status in statuses.items() if status in KEPT}
    reused = stored & set(study.runs) - unsaved
    programs = group_runs((run for run_id, run in study.runs.items() if run_id not in reused), kind)
    memory_mib, there_mib = launcher.memory(device)
    size_programs(programs, memory_mib, launcher.data, spec.every)
    if launcher.width is not None:
        for program in programs:
            program.width, program.chosen = launcher.width, {"by": "launch.width"}
    checkpoints, notes = Checkpoints(store.path), list[str]()
    if trains:
        checkpoints.sweep(stored - unsaved)
    if spec.checkpoint_s is not None:
        terms = Terms(device, launcher.deterministic, spec.every, save)
        notes = take_begun(programs, checkpoints.found(), terms, launcher.always_compiles)
    processes = launcher.process_count(sum(p.run_steps * p.step_s for p in programs), device)
    widest_mib = PROCESS_MIB + max((needed_mib(p) for p in programs), default=0.0)
    processes = launcher.fitting(processes, widest_mib, device)
    cohorts = cut_programs(programs, processes)
    if trains:
        check_memory(programs, there_mib)
    return Batch(
        *(study, store, reused, unsaved, save, stopping_rules(study.cells), programs, cohorts, launcher),
        *(processes, estimate(cohorts, processes), there_mib, segments, notes),
    )


def train_batch(
    spec: StudySpec, command: Sequence[str], watcher: Watcher, store: Store | None = None
) -> Batch:
    """Train what the store does not have yet of what a command asks for, and return the last batch.

    The study's manifest is written before training, so that an interrupted study can be reported.

    Args:
        spec: of the command.
        command: the overrides that asked for it.
        watcher: hears how it goes.
        store: that of the command, where it has been opened.

    Raises:
        ConfigError: as of `plan_batch`.
        StoreError: the store cannot be read or written.
    """
    batch = plan_batch(spec, store=store, trains=True)
    store = batch.store
    with Heartbeat(store, spec.name, command) as heartbeat:
        choices: Mapping[Place, Choice] = {}
        if spec.tuning is not None:
            choices = _tuned(spec, spec.tuning, watcher, store, heartbeat)
            batch = plan_batch(spec, choices, store, trains=True)
        while True:
            manifest = write_manifest(batch.study, store, command)
            _tell_repeated(batch, watcher)
            train(batch, watcher, heartbeat)
            longer = more_seeds(batch.study, manifest, choices, store)
            if not longer:
                note_look(store, manifest)
                return batch
            choices = longer
            batch = plan_batch(spec, choices, store, trains=True)


def _tuned(
    spec: StudySpec, tuning: Tuning, watcher: Watcher, store: Store, heartbeat: Heartbeat
) -> dict[Place, Choice]:
    """Return what validation chooses of the settings to try, after training them."""
    trials = plan_trials(spec, tuning, store, trains=True)
    settings, seeds = pluralize(len(tuning.settings), "setting"), pluralize(len(tuning.seeds), "seed")
    watcher.note(f"tuning: {settings} on {seeds}, chosen on validation")
    train(trials, watcher, heartbeat)
    return choose(trials.study, spec.jobs, tuning, store)


def plan_trials(spec: StudySpec, tuning: Tuning, store: Store, *, trains: bool = False) -> Batch:
    """Return the batch of the trials that come before a study that is tuned; arguments are as of `plan_batch`.

    Raises:
        ConfigError: faults of jobs with a setting.
    """
    return plan_batch(prepare(trial_jobs(spec, tuning), spec.known, spec.memo), store=store, trains=trains)


def _tell_repeated(batch: Batch, watcher: Watcher) -> None:
    repeated = len(batch.study.jobs) - len({tuple(ids) for ids in batch.study.jobs})
    if repeated:
        rule = "an explicit group, as weighting=, beats what mitigation= would set"
        watcher.note(f"{repeated} of {len(batch.study.jobs)} jobs ask for the same cell as another; {rule}")


def train(batch: Batch, watcher: Watcher, heartbeat: Heartbeat) -> None:
    """Train what a batch has to train, but for what other commands train, which is waited for.

    Args:
        batch: to be trained.
        watcher: hears how it goes.
        heartbeat: tells others of this command.
    """
    if not batch.cohorts:
        return
    if batch.unsaved:
        watcher.note(
            f"{pluralize(len(batch.unsaved), 'stored run')} without the weights asked for: trained again"
        )
    for note in batch.notes:
        watcher.note(note)
    where = pluralize(batch.processes, *batch.launcher.unit)
    heartbeat.begin(sum(cohort.run_steps for cohort in batch.cohorts), where)
    spec, store = batch.study.spec, batch.store
    task = Task(
        runs=(),
        device=spec.device,
        save=batch.save,
        stops=batch.stops,
        every=spec.every,
        checkpoint_s=spec.checkpoint_s,
    )
    claims = Claims(store, batch.save, batch.segments, batch.unsaved, heartbeat, watcher.skip)
    watcher.begin(batch)
    try:
        batch.launcher.train(
            batch.programs, store, task, batch.processes, watcher.advance, watcher.note, claims
        )
    finally:
        watcher.end()


def objectives(batch: Batch) -> list[float]:
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
