"""What is stored of a run that was trained, or could not be."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import torch

from mtlrun.execution.checkpoints import CohortCheckpoint
from mtlrun.planning.run_spec import RunSpec
from mtlrun.schedule.base import Phase, told
from mtlrun.store.runs.records import RunRecord
from mtlrun.training.cost import MIB, Meter
from mtlrun.training.loop.cohort import Cohort
from mtlrun.training.loop.lane_results import SPLITS, LaneResult
from mtlrun.version import __version__


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on."""
    return {
        "mtlrun": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def device_name(device: torch.device) -> str:
    """Return a device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def cohort_cost(cohort: Cohort, meter: Meter, flops: int) -> dict[str, Any]:
    """Return what a cohort cost; times are per run-step, evaluations included, and sizes are of one run."""
    owners = cohort.network.owners()
    sizes = {name: p.numel() for name, p in cohort.network.named_parameters()}
    by_task = [
        sum(n for name, n in sizes.items() if owners[name] == t) for t in range(len(cohort.info.tasks))
    ]
    steps, lanes = sum(phase.steps for phase in cohort.phases), len(cohort.seeds)
    return {
        "steps": steps,
        "lanes": lanes,
        "step_flops": flops,
        "step_wall_s": meter.wall_s / (steps * lanes),
        "step_device_s": meter.device_s / (steps * lanes),
        "peak_mib": meter.peak_mib(),
        "model_mib": sum(sizes.values()) * cohort.dtype.itemsize / MIB,
        "features": cohort.network.body.features,
        "parameters_shared": sum(n for name, n in sizes.items() if owners[name] is None),
        "parameters_task": by_task,
    }


def how_trained(cohort: Cohort, compiles: bool, checkpoint: CohortCheckpoint | None) -> dict[str, Any]:
    """Return what else a record says of how a cohort was trained."""
    about: dict[str, Any] = {"compiled": compiles and cohort.not_compiled is None}
    if checkpoint is not None and checkpoint.resumed_at:
        about["resumed_at"] = checkpoint.resumed_at
    if cohort.not_compiled:
        about["not_compiled"] = cohort.not_compiled
    if cohort.one_by_one and len(cohort.seeds) > 1:
        about["one_by_one"] = cohort.one_by_one
    return about


def lane_record(
    run: RunSpec,
    device: torch.device,
    result: LaneResult,
    phases: Sequence[Phase],
    cost: dict[str, Any],
) -> RunRecord:
    """Return the record of a run from what training gave for its lane.

    Args:
        run: that was trained.
        device: where.
        result: of its lane.
        phases: in which it was trained.
        cost: of `cohort_cost`, and more.
    """
    shape = result.values.shape  # (evaluations, splits, metrics)
    step, split, pair = (axis.ravel() for axis in np.indices(shape))
    tasks, metrics = zip(*result.names, strict=True)
    curves = {
        "task": np.array(tasks)[pair],
        "split": np.array(SPLITS)[split],
        "metric": np.array(metrics)[pair],
        "step": np.array(result.steps)[step],
        "value": result.values.ravel(),
    }
    diverged = result.diverged_at is not None
    names = dict.fromkeys(tasks)  # in order, each once
    return run_record(
        run,
        device,
        "diverged" if diverged else "finished",
        f"the loss was not finite at step {result.diverged_at}" if diverged else None,
        cost={**cost, "parameters_task": dict(zip(names, cost["parameters_task"], strict=True))},
        diagnostics={
            "steps": result.steps,
            **result.diagnostics,
            "constant_guess": dict(zip(names, result.guess, strict=True)),
            "phases": told(phases, list(names)),
            "merges": result.merges,
        },
        curves=curves,
        scores=[{**vars(one), "task": list(names)[one.task]} for one in result.scores],
    )


def run_record(run: RunSpec, device: torch.device, status: str, error: str | None, **rest: Any) -> RunRecord:
    """Return the record of a run with this status; `rest` are the other fields, which failed runs lack."""
    return RunRecord(
        run_id=run.run_id,
        seed=run.seed,
        config=run.plain,
        status=status,
        error=error,
        device=device_name(device),
        versions=versions(),
        finished_at=datetime.now(timezone.utc).isoformat(),
        **rest,
    )
