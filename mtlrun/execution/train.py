"""Train one cohort and store it: what every launcher does, here or in another process."""

from __future__ import annotations

import gc
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mtlrun.errors import ConfigError, MtlrunError
from mtlrun.execution.checkpoints import Checkpointing, CohortCheckpoint
from mtlrun.execution.coordination.heartbeat import Cancelled
from mtlrun.execution.run_records import cohort_cost, how_trained, lane_record, run_record
from mtlrun.execution.save_weights import save_weights
from mtlrun.execution.workers.task import Task
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.store import Store
from mtlrun.training.cost import Meter, step_flops
from mtlrun.training.loop.cohort import Cohort
from mtlrun.training.loop.lane_results import LaneResult
from mtlrun.training.runtime.numerics import numerics
from mtlrun.training.width import is_out_of_memory
from mtlrun.user_code import FOREIGN_ERRORS

TRAINING_ERRORS = (*FOREIGN_ERRORS, MemoryError, MtlrunError)
"""What a strategy, a model or the data may raise in training. It is stored as the result of the runs."""


class _HalvesError(Exception):
    """A cohort failed that is to be tried in halves: for want of memory, or before training began.

    Attributes:
        exhausted: whether for want of memory.
    """

    def __init__(self, exhausted: bool) -> None:
        self.exhausted = exhausted


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
    task: Task,
    store: Store,
    device: torch.device,
    progress: Callable[[int], None],
    checkpointing: Checkpointing | None = None,
) -> tuple[Counter[str], int | None]:
    """Train runs as one cohort and append them to the store.

    If memory does not hold the cohort, or the data of one run cannot be loaded, its halves are trained instead.

    Args:
        task: the runs, and how they are trained.
        store: gets one segment, or one per part that memory holds.
        device: where to train.
        progress: told of run-steps done; of a negative number where they must be done again.
        checkpointing: where and how often the state of training is saved; None for never. A cohort that continues
            from a checkpoint tells `progress` by how many steps that differs from `task.steps_done`.

    Returns:
        How many runs came to each status; and the number of lanes that memory holds, None where it held all.
    """
    counts, holds = Counter[str](finished=0, diverged=0, failed=0), None
    waiting, chosen = [list(task.runs)], dict(task.chosen)
    while waiting:
        runs = waiting.pop(0)
        half, exhausted = len(runs) // 2, False
        if holds is None or len(runs) <= holds:
            part = replace(task, runs=runs, chosen=dict(chosen))
            try:
                counts.update(_stored(part, store, device, progress, checkpointing))
                continue
            except _HalvesError as lost:
                exhausted = lost.exhausted
            _free(device)  # here, where no traceback keeps what did not fit
        waiting[:0] = [runs[:half], runs[half:]]
        if exhausted:
            chosen.setdefault("out_of_memory_at", len(runs))
            holds = len(runs) - half
    return counts, holds


def _stored(
    task: Task,
    store: Store,
    device: torch.device,
    progress: Callable[[int], None],
    checkpointing: Checkpointing | None,
) -> list[str]:
    """Train one cohort, store it, and return the status of each run.

    Raises:
        _HalvesError: it failed, and its halves may not.
    """
    checkpoint = None
    if checkpointing is not None:
        checkpoint = CohortCheckpoint(checkpointing, task.runs, device)
        progress((checkpoint.step - task.steps_done) * len(task.runs))
    try:
        with numerics(task.runs[0].cell.dtype, task.deterministic):
            records = _train(task, store, device, progress, checkpoint)
    except _HalvesError as lost:
        if checkpoint is not None and not lost.exhausted:  # its halves begin anew
            checkpoint.delete()
        raise
    store.append(records)
    statuses = [record.status for record in records]
    if checkpoint is not None and not ({*statuses} == {"failed"} and checkpoint.written):
        checkpoint.delete()  # unless it served until then
    return statuses


def _train(
    task: Task,
    store: Store,
    device: torch.device,
    progress: Callable[[int], None],
    checkpoint: CohortCheckpoint | None,
) -> list[RunRecord]:
    """Save the weights of one cohort, and return its records.

    Raises:
        _HalvesError: it failed, and its halves may not.
    """
    runs, begun, told, cohort = task.runs, time.perf_counter(), 0, None

    def tell(steps: int) -> None:
        nonlocal told
        told += steps * len(runs)
        progress(steps * len(runs))

    try:
        meter = Meter(device)
        rules, reads = ([found.get(run.run_id, ()) for run in runs] for found in (task.save, task.stops))
        compiler = "inductor" if task.compile else None
        cohort = Cohort(runs, device, compiler, rules, task.streamed, reads, task.every)
        flops = step_flops(cohort)
        results = _trained(cohort, tell, meter, begun, checkpoint)
    except TRAINING_ERRORS as error:
        exhausted = is_out_of_memory(error)
        if len(runs) > 1 and (exhausted or cohort is None):
            progress(-told)
            raise _HalvesError(exhausted) from error
        message = _message(error, "out of memory with a single lane: " if exhausted else "")
        return [run_record(run, device, "failed", message) for run in runs]
    earlier_s = 0.0 if checkpoint is None else checkpoint.cost.get("wall_s", 0.0)
    wall_s = (earlier_s + time.perf_counter() - begun) / len(runs)
    cost = {**cohort_cost(cohort, meter, flops), "wall_s": wall_s, "width": dict(task.chosen)}
    cost |= how_trained(cohort, task.compile, checkpoint)
    lanes = list(zip(runs, results, strict=True))
    records = [lane_record(run, device, result, cohort.phases, cost) for run, result in lanes]
    save_weights(store, zip(records, results, strict=True), task.save)
    return records


def _trained(
    cohort: Cohort,
    tell: Callable[[int], None],
    meter: Meter,
    begun: float,
    checkpoint: CohortCheckpoint | None,
) -> list[LaneResult]:
    """Train a cohort, from its checkpoint on where there is one that fits."""
    if checkpoint is None:
        found: list[LaneResult] = meter.measure(lambda: cohort.train(tell))
        return found
    if checkpoint.before is not None and not cohort.fits(checkpoint.before):
        tell(-checkpoint.step)
        checkpoint.reject("its models have other parameters")
    if checkpoint.cost:
        meter.go_on(checkpoint.cost)
    earlier_s = checkpoint.cost.get("wall_s", 0.0)

    def spent() -> dict[str, Any]:
        wall_s = earlier_s + time.perf_counter() - begun
        return {**meter.spent(), "wall_s": wall_s, "resumed_at": checkpoint.resumed_at}

    def heeding(steps: int) -> None:
        try:
            tell(steps)
        except Cancelled as stop:  # raised when the step is done and written
            checkpoint.stop(stop)

    checkpoint.spent = spent
    with checkpoint.signals.held():
        found = meter.measure(lambda: cohort.train(heeding, checkpoint))
    return found


def _message(error: BaseException, before: str) -> str:
    """Return what is stored of an error: one line that says all, and the traceback."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(where.filename).name}, line {where.lineno}"
    what = before + str(error).partition("\n")[0]  # all of it stands in the traceback
    trace = "".join(traceback.format_exception(error))
    return f"{type(error).__name__}: {what} ({place})\n{trace}"


def _free(device: torch.device) -> None:
    """Give back what a cohort held that did not fit."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
