"""What `mtlrun plan` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.counted import counted

if TYPE_CHECKING:
    from mtlrun.launch.batch import Batch


def plan_facts(batch: Batch) -> dict[str, Any]:
    """Return what training a batch would mean, as plain data."""
    return {
        "study": batch.study.name,
        "cells": len(batch.study.cells),
        "runs_new": sum(len(cohort.run_ids) for cohort in batch.cohorts),
        "runs_reused": len(batch.reused),
        "runs_again": len(batch.unsaved),
        "run_steps": sum(cohort.run_steps for cohort in batch.cohorts),
        "cohorts": len(batch.cohorts),
        "lanes": [len(cohort.run_ids) for cohort in batch.cohorts],
        "processes": batch.processes,
        "estimate_s": round(batch.estimate.seconds, 1),
        "memory_mib": round(batch.estimate.memory_mib),
    }


def plan_text(facts: dict[str, Any]) -> str:
    """Return the facts in words."""
    lanes = facts["lanes"]
    least = f"{min(lanes)} to " if lanes and min(lanes) < max(lanes) else ""
    width = f" of {least}{counted(max(lanes), 'lane')}" if lanes else ""
    steps = counted(facts["run_steps"], "run-step")
    again = facts["runs_again"]
    told = f", {again:,} of them again: the weights asked for were not saved" if again else ""
    return "\n".join(
        [
            f"study {facts['study']}: {counted(facts['cells'], 'cell')}",
            f"  to train  {counted(facts['runs_new'], 'run')}, {steps}{told}",
            f"  reused    {counted(facts['runs_reused'], 'run')}",
            f"  cohorts   {facts['cohorts']}{width}, {facts['processes']} at a time",
            f"  time      about {facts['estimate_s']:,.0f} s",
            f"  memory    about {facts['memory_mib']:,} MiB a process",
        ]
    )
