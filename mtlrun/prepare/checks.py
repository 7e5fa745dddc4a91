"""Every check of a batch of jobs before anything trains, all faults together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, get_type_hints

from mtlrun.catalog import Known, options_of
from mtlrun.config import build, check_node, complete, to_node
from mtlrun.data.checks.every_split import every_split_faults
from mtlrun.data.checks.fingerprints import data_digests
from mtlrun.data.suite import Suite, run_seeds
from mtlrun.errors import ConfigError, Fault
from mtlrun.memo import Memo
from mtlrun.planning.budget import Budget
from mtlrun.planning.limits import NO_JOB, check_runs
from mtlrun.planning.pareto_grid import front_nodes, points
from mtlrun.planning.runs import PARTS
from mtlrun.planning.settings.checkpointing import seconds_between
from mtlrun.planning.settings.recording import steps_between
from mtlrun.planning.study import suites_of
from mtlrun.planning.study_spec import CELL_NODES, JobSpec, StudySpec
from mtlrun.planning.tuning import Tuning, find_tuning, unknown_keys
from mtlrun.prepare.controls import network_of
from mtlrun.prepare.key_checks import PLAIN_KEYS, first_seed, key_faults_of, seed_count, seed_list
from mtlrun.prepare.too_large import with_one_default
from mtlrun.statistics.settings import SEEDS, SPLITS, Statistics
from mtlrun.statistics.stop import METHOD, Stop
from mtlrun.trackers.checks import OPTIONS, SEVERAL, TRACKER, chosen
from mtlrun.training.loop.task_losses import check_losses
from mtlrun.training.network import Parts
from mtlrun.user_code import told

_NO_LOOKS = (
    "must be null where splits vary (suite.resplit, suite.splits): no test for those holds at every look"
)
NODES = (*CELL_NODES, "statistics", "stop", "launch")
ONE_PER_STUDY = (
    *("check", "study", "store", "save", "diagnostics", "checkpoint", "device", "seeds", "tune", "controls"),
    *("frontier", "statistics", "stop", "launch", TRACKER, OPTIONS),
    *(
        "budget.select",
        "budget.patience",
    ),  # they change no run: cells that differ in nothing else would be one
)


def prepare(
    jobs: Sequence[Mapping[str, Any]], known: Known | None = None, memo: Memo | None = None
) -> StudySpec:
    """Check jobs, and return what they ask for.

    Args:
        jobs: plain data, as Hydra composed them.
        known: every option that has a name; without it, ours and those of installed packages.
        memo: knows parts of the jobs from another study of the same command.

    Raises:
        ConfigError: every fault of every job; of `tune` where there are no others.
    """
    if jobs and isinstance(jobs[0].get("seeds"), int | list):
        check_runs(len(jobs), seed_count(jobs[0]["seeds"]), "job")
    if not jobs:
        raise ConfigError([NO_JOB])
    jobs, memo = [_judged_anytime(job) for job in jobs], memo or Memo()
    faults: dict[str, Fault | str] = {}  # by text, so that a fault which all jobs have appears once
    for job in jobs:
        faults.update({str(fault): fault for fault in memo.keyed(job, job_faults, job, memo)})
    for key in ONE_PER_STUDY:
        if any(_found(job, key) != _found(jobs[0], key) for job in jobs):
            rule = "must be the same in all cells of a study, so it cannot be swept"
            fault = Fault(key, SEVERAL if key == TRACKER else rule)
            faults[str(fault)] = fault
    if faults:
        raise ConfigError(list(faults.values()))
    return _spec(jobs, options_of() if known is None else known, memo)


def _spec(jobs: Sequence[Mapping[str, Any]], known: Known, memo: Memo) -> StudySpec:
    """Return what jobs without faults, but perhaps of `tune`, ask for."""
    job, seeds = jobs[0], seed_list(jobs[0]["seeds"])
    return StudySpec(
        name=job["study"],
        store=job["store"],
        invocation=job.get("invocation", ""),
        statistics=complete(job["statistics"]),
        stop=complete(job["stop"]),
        check=job.get("check", {}),
        seeds=seeds,
        controls=job["controls"],
        frontier=job.get("frontier"),
        tuning=_tuning(jobs, seeds),
        launcher=build(job["launch"]),
        device=job["device"],
        save=job.get("save"),
        every=steps_between(job),
        checkpoint_s=seconds_between(job),
        trackers=chosen(job),
        jobs=[
            JobSpec({group: memo(complete, one[group]) for group in CELL_NODES}, one["dtype"]) for one in jobs
        ],
        plain=dict(job),
        known=known,
        memo=memo,
    )


def _judged_anytime(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a job that stops when conclusive with the test that allows for it; others as they are."""
    if (job.get("stop") or {}).get("until") is None:
        return job
    return {**job, "statistics": {**(job.get("statistics") or {}), "method": METHOD}}


def _tuning(jobs: Sequence[Mapping[str, Any]], seeds: Sequence[int]) -> Tuning | None:
    """Return what jobs tune, or None.

    Raises:
        ConfigError: every fault of `tune`.
    """
    tuning = find_tuning(jobs[0].get("tune") or {}, seeds, len(jobs))
    faults = unknown_keys(jobs, tuning) if tuning else []
    if faults:
        raise ConfigError(faults)
    return tuning


def _found(job: Mapping[str, Any], key: str) -> Any:
    """Return the value of a dotted key, or None."""
    value: Any = job
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def job_faults(job: Mapping[str, Any], memo: Memo | None = None) -> list[Fault | str]:
    """Return every fault of one job: of its keys, of each node, and of nodes that do not fit each other.

    Args:
        job: plain data, as Hydra composed it.
        memo: knows the parts of other jobs.
    """
    memo = memo or Memo()
    known = {*NODES, *PLAIN_KEYS}
    faults: list[Fault | str] = [
        Fault(key, "is no key or group", key, sorted(known)) for key in job if key not in known
    ]
    plain = key_faults_of(job)
    faults += plain
    bad = {fault.key for fault in plain}
    for group in NODES:
        found = memo(_check_node, group, job.get(group, {}))
        faults += found
        bad |= {group} if found else set()
    try:
        if "suite" not in bad:
            memo(data_digests, memo(complete, job["suite"]), first_seed(job))
        if not bad & {"suite", "statistics", "stop"}:
            _check_scope(build(job["suite"]), build(job["statistics"]), build(job["stop"]))
        if not bad & {"suite", "seeds"}:
            memo(_check_splits, job["suite"], job["seeds"])
        if not bad & {"suite", "budget"}:
            memo(_check_budget, job["suite"], job["budget"])
        if not bad & set(PARTS):
            front = {} if "frontier" in bad else front_nodes(job.get("frontier"), [job])
            for suite in memo(_suite_nodes, job["suite"]):
                for point in points({**job, "suite": suite}, len(suite["tasks"]), memo, front):
                    _check_point(point.nodes, memo)
    except ConfigError as error:
        faults += error.faults
    return faults


def _check_scope(suite: Suite, statistics: Statistics, stop: Stop) -> None:
    """Check that what verdicts speak about fits how the data are split.

    Raises:
        ConfigError: it does not.
    """
    over, varied = statistics.over, ["examples", "splits"]
    if not suite.varies_split:
        if over == SPLITS:
            rule = "needs random splits: suite.splits=K, or suite.resplit=true"
            raise ConfigError([Fault("statistics.over", rule, over, ["examples", "seeds"])])
        return
    if over == SEEDS:
        rule = (
            "must not be seeds where splits vary (suite.resplit, suite.splits): no test examples are the same"
        )
        raise ConfigError([Fault("statistics.over", rule, over, varied)])
    if stop.until:
        raise ConfigError([Fault("stop.until", _NO_LOOKS, stop.until)])
    from mtlrun.statistics.methods import check_resplit  # with all of scipy, which other studies spare

    check_resplit(statistics.method)


def _check_point(job: Mapping[str, Any], memo: Memo) -> None:
    """Check that the parts of one cell fit each other.

    Raises:
        ConfigError: they do not.
    """
    memo(_check_losses, job["suite"])
    memo(_check_lists, job["suite"], job["weighting"], job["regularization"])
    memo(_check_schedule, job["suite"], job["schedule"])
    # A representation that tasks share is not in every network, nor are features that a regularization compares.
    at = memo(build, job["weighting"]).gradients_at
    compares = job["regularization"]["_target_"]
    network = [job["suite"], job["model"], job["sharing"], job["heads"], at, job["schedule"], compares]
    memo.keyed(network, parameter_count, job)


def parameter_count(config: Mapping[str, Any]) -> int:
    """Return the number of parameters of a run of this canonical config.

    It depends on the suite, the model, the sharing scheme and the heads alone; faults also on
    `weighting.gradients_at` and on the schedule.

    Raises:
        ConfigError: the parts do not fit each other or the suite.
    """
    try:
        return sum(p.numel() for p in network_of(config).parameters())
    except RuntimeError as error:  # torch's, of tensors larger than any memory
        raise ConfigError([_too_large(config, error)]) from error


def _too_large(config: Mapping[str, Any], error: RuntimeError) -> Fault | str:
    """Return what makes a network so large that torch cannot even describe it."""
    for other, key, value in with_one_default(config):
        try:
            network_of(other)
        except (ConfigError, RuntimeError):
            continue
        return Fault(key, "is too large: a network of this size cannot be built", value)
    return f"a network of these sizes cannot be built: {told(error)}"


def _check_node(group: str, node: Mapping[str, Any]) -> list[Fault]:
    bases = {
        "suite": Suite,
        "budget": Budget,
        "statistics": Statistics,
        "stop": Stop,
        **get_type_hints(Parts),
    }
    return check_node(group, node, bases.get(group))


def _suite_nodes(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [to_node(suite) for suite in suites_of(node)]


def _check_budget(suite: Mapping[str, Any], budget: Mapping[str, Any]) -> None:
    for part in suites_of(suite):
        build(budget).steps_for(part.info().sources)


def _check_splits(suite: Mapping[str, Any], seeds: int | list[int]) -> None:
    """Check that every split of every seed has all classes, where splits vary."""
    built: Suite = build(suite)
    if built.splits:
        check_runs(built.splits, seed_count(seeds), "split")
    if built.varies_split:
        faults = every_split_faults(built, run_seeds(seed_list(seeds), built.splits))
        found = [fault._replace(key=f"suite.{fault.key}") for fault in faults]
        if found:
            raise ConfigError(found)


def _check_lists(
    suite: Mapping[str, Any], weighting: Mapping[str, Any], regularization: Mapping[str, Any]
) -> None:
    """Check that settings which list a number per task have as many as there are tasks."""
    tasks = build(suite).info().tasks
    for group, node in (("weighting", weighting), ("regularization", regularization)):
        part = build(node)
        for field in fields(part):
            value = getattr(part, field.name)
            if isinstance(value, list) and len(value) != len(tasks):
                names = ", ".join(t.name for t in tasks)
                raise ConfigError(
                    [Fault(f"{group}.{field.name}", f"must have one number per task ({names})", value)]
                )


def _check_losses(suite: Mapping[str, Any]) -> None:
    """Check that the tasks' own losses do what a loss must."""
    check_losses(build(suite).info().tasks)


def _check_schedule(suite: Mapping[str, Any], schedule: Mapping[str, Any]) -> None:
    """Check that a schedule fits the tasks of a suite."""
    names = [task.name for task in build(suite).info().tasks]
    faults = [fault._replace(key=f"schedule.{fault.key}") for fault in build(schedule).misfits(names)]
    if faults:
        raise ConfigError(faults)
