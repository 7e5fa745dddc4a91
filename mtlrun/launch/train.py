"""Train one cohort and store it: what every launcher does, here or in another process."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch

import mtlrun
from mtlrun.errors import ConfigError, MtlrunError
from mtlrun.plan.runs import config_id
from mtlrun.store.records import RunRecord
from mtlrun.store.store import Store
from mtlrun.training.cohort import SPLITS, Cohort, LaneResult

TRAINING_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    NameError,
    AssertionError,
    ImportError,
    MemoryError,
    MtlrunError,
)
"""What a strategy, a model or the data may raise in training. It is stored as the result of the runs."""


def pick_device(name: str) -> torch.device:
    """Return the device that `auto`, `cpu` or `cuda` means here.

    Raises:
        ConfigError: `cuda` was asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(["`device` is cuda, and torch finds no CUDA device here (choices: auto, cpu)"])
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def train_and_store(
    configs: Sequence[Mapping[str, Any]], store: Store, device: torch.device, progress: Callable[[int], None]
) -> dict[str, int]:
    """Train runs as one cohort, append them to the store, and return how many came to each status.

    Args:
        configs: canonical configs, one lane each.
        store: gets one segment.
        device: where to train.
        progress: told of run-steps done.
    """
    begun = time.perf_counter()
    try:
        cohort = Cohort(configs, device)
        results = cohort.train(lambda steps: progress(steps * len(configs)))
    except TRAINING_ERRORS as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}, line {where.lineno}"
        what = str(error).partition("\n")[0]  # all of it stands in the traceback
        message = f"{type(error).__name__}: {what} ({place})\n{traceback.format_exc()}"
        records = [_record(config, device, "failed", message) for config in configs]
    else:
        cost = _cost(cohort, time.perf_counter() - begun)
        records = [_result(c, device, r, dict(cost)) for c, r in zip(configs, results, strict=True)]
    store.append(records)
    return {s: sum(r.status == s for r in records) for s in ("finished", "diverged", "failed")}


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on."""
    return {
        "mtlrun": mtlrun.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def device_name(device: torch.device) -> str:
    """Return a device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def _cost(cohort: Cohort, wall_s: float) -> dict[str, Any]:
    owners = cohort.network.owners()
    sizes = {name: p.numel() for name, p in cohort.network.named_parameters()}
    by_task = [
        sum(n for name, n in sizes.items() if owners[name] == t) for t in range(len(cohort.info.tasks))
    ]
    return {
        "wall_s": wall_s / len(cohort.seeds),
        "steps": sum(phase.steps for phase in cohort.phases),
        "lanes": len(cohort.seeds),
        "parameters_shared": sum(n for name, n in sizes.items() if owners[name] is None),
        "parameters_task": by_task,
    }


def _result(
    config: Mapping[str, Any], device: torch.device, result: LaneResult, cost: dict[str, Any]
) -> RunRecord:
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
    cost["parameters_task"] = dict(zip(names, cost["parameters_task"], strict=True))
    return _record(
        config,
        device,
        "diverged" if diverged else "finished",
        f"the loss was not finite at step {result.diverged_at}" if diverged else None,
        cost=cost,
        diagnostics={"steps": result.steps, **result.diagnostics},
        curves=curves,
    )


def _record(
    config: Mapping[str, Any], device: torch.device, status: str, error: str | None, **rest: Any
) -> RunRecord:
    return RunRecord(
        run_id=config_id(config),
        seed=config["seed"],
        config=dict(config),
        status=status,
        error=error,
        device=device_name(device),
        versions=versions(),
        finished_at=datetime.now(timezone.utc).isoformat(),
        **rest,
    )
