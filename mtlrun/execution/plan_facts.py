"""What a plan says: what training a batch would mean, as plain data and in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mtlrun.text.pluralize import pluralize

if TYPE_CHECKING:
    from mtlrun.execution.batch import Batch


def plan_facts(batch: Batch, trials: Batch | None = None) -> dict[str, Any]:
    """Return what training a batch would mean, as plain data.

    Args:
        batch: what judges; tuned settings stand at their defaults, for nobody knows them yet.
        trials: what is tried before, which all sums include; `tuning_runs` are its new runs.
    """
    if trials is not None:
        return _both(plan_facts(trials), plan_facts(batch))
    return {
        "study": batch.study.spec.name,
        "cells": len(batch.study.cells),
        "runs_new": sum(len(cohort.runs) for cohort in batch.cohorts),
        "runs_reused": len(batch.reused),
        "runs_again": len(batch.unsaved),
        "runs_begun": sum(len(cohort.run_ids) for cohort in batch.cohorts if cohort.steps_done),
        "run_steps": sum(cohort.run_steps for cohort in batch.cohorts),
        "steps": _extremes(run.cell.budget.steps for run in batch.study.runs.values()),
        "raised_from": _extremes(c.raised_from for c in batch.study.cells if c.raised_from is not None),
        "cohorts": len(batch.cohorts),
        "lanes": [len(cohort.runs) for cohort in batch.cohorts],
        "processes": batch.processes,
        "estimate_s": round(batch.estimate.seconds, 1),
        "memory_mib": round(batch.estimate.memory_mib),
        "data_mib": round(max((c.program.data_mib for c in batch.cohorts), default=0.0), 1),
        "cohorts_streamed": sum(c.program.streamed for c in batch.cohorts),
        "cohorts_one_by_one": sum(c.program.one_by_one is not None for c in batch.cohorts),
        "one_by_one": sorted(
            {c.program.one_by_one for c in batch.cohorts if c.program.one_by_one is not None}
        ),
    }


def _both(trials: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of trials and of what follows as those of one plan."""
    summed = (
        *("runs_new", "runs_reused", "runs_again", "runs_begun", "run_steps"),
        *("cohorts", "cohorts_streamed", "cohorts_one_by_one", "lanes", "estimate_s"),
    )
    together = {key: trials[key] + last[key] for key in summed}
    together |= {key: _extremes(trials[key] + last[key]) for key in ("steps", "raised_from")}
    most = {key: max(trials[key], last[key]) for key in ("processes", "memory_mib", "data_mib")}
    reasons = sorted({*trials["one_by_one"], *last["one_by_one"]})
    return last | together | most | {"tuning_runs": trials["runs_new"], "one_by_one": reasons}


def _extremes(numbers: Iterable[int]) -> list[int]:
    """Return the least and the largest of some numbers; the one, or none, where there are no two."""
    found = set(numbers)
    return sorted({min(found), max(found)}) if found else []


def _steps_text(facts: dict[str, Any]) -> str:
    steps, raised = (" to ".join(f"{n:,}" for n in facts[key]) for key in ("steps", "raised_from"))
    why = f"; `budget.min_steps`, as the epochs alone would be {raised}" if raised else ""
    return f"  steps     {steps} a run{why}"


def plan_text(facts: dict[str, Any]) -> str:
    """Return the facts in words."""
    lanes = facts["lanes"]
    least = f"{min(lanes)} to " if lanes and min(lanes) < max(lanes) else ""
    width = f" of {least}{pluralize(max(lanes), 'lane')}" if lanes else ""
    steps = pluralize(facts["run_steps"], "run-step")
    again = facts["runs_again"]
    told = f", {again:,} of them again: the weights asked for were not saved" if again else ""
    tuning = (
        [f"  tuning    {pluralize(facts['tuning_runs'], 'run')} of these"] if "tuning_runs" in facts else []
    )
    begun = [f"  continued {pluralize(facts['runs_begun'], 'run')} of these, from checkpoints"]
    begun = begun if facts["runs_begun"] else []
    cohorts = pluralize(facts["cohorts_streamed"], "cohort")
    apart = pluralize(facts["cohorts_one_by_one"], "cohort")
    reasons = [
        f"  lanes     one by one in {apart}, as vmap cannot take the network: {reason}"
        for reason in facts["one_by_one"]
    ]
    streamed = f"  data      {facts['data_mib']:,.0f} MiB, streamed to the device in {cohorts}"
    return "\n".join(
        [
            f"study {facts['study']}: {pluralize(facts['cells'], 'cell')}",
            f"  to train  {pluralize(facts['runs_new'], 'run')}, {steps}{told}",
            *tuning,
            *begun,
            _steps_text(facts),
            f"  reused    {pluralize(facts['runs_reused'], 'run')}",
            f"  cohorts   {facts['cohorts']}{width}, {facts['processes']} at a time",
            f"  time      about {facts['estimate_s']:,.0f} s",
            f"  memory    about {facts['memory_mib']:,} MiB a process",
            *reasons,
            *([streamed] if facts["cohorts_streamed"] else []),
        ]
    )
