"""Cohorts and programs of canonical configs, as `support.configs.run_config` gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mtlrun.execution.workers.task import Task
from mtlrun.planning.cohorts import CohortPlan
from mtlrun.planning.run_spec import CellSpec, RunSpec
from mtlrun.prepare.estimate import Size, run_size
from mtlrun.training.loop.cohort import Cohort

Config = Mapping[str, Any]


def specs_of(configs: Sequence[Config]) -> list[RunSpec]:
    """Return the runs of canonical configs."""
    return [RunSpec.of(config) for config in configs]


def cohort_of(configs: Sequence[Config], device: torch.device, *arguments: Any, **settings: Any) -> Cohort:
    """Return a cohort of one lane for each config."""
    return Cohort(specs_of(configs), device, *arguments, **settings)


def size_of(config: Config) -> Size:
    """Return what a run of a config needs."""
    return run_size(CellSpec.of(config))


def configs_of(plan: CohortPlan | Task) -> list[dict[str, Any]]:
    """Return the canonical configs of the runs of a cohort or a task, one a lane."""
    return [run.plain for run in plan.runs]
