"""Train one cohort and store it: what every launcher does, here or in another process."""

from __future__ import annotations

import gc
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from mtlrun.errors import ConfigError, MtlrunError
from mtlrun.execution.checkpoints import Checkpointing, CohortCheckpoint
from mtlrun.execution.coordination.heartbeat import Cancelled
from mtlrun.execution.run_records import cohort_cost, how_trained, lane_record, run_record
from mtlrun.execution.save_weights import save_weights
from mtlrun.planning.run_spec import RunSpec
from mtlrun.planning.settings.saving import Rule
from mtlrun.store.records import RunRecord
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


@dataclass(frozen=True)
class TrainingSettings:
    """How cohorts are trained and stored.

    Attributes:
        store: gets one segment of a cohort, or one per part that memory holds.
        device: where to train.
        progress: told of run-steps done; of a negative number where they must be done again.
        chosen: how the number of lanes came about, for the records.
        compiler: of the step, as of `Cohort`.
        deterministic: whether torch may use only kernels that give the same bits every time.
        save: how the checkpoints are chosen whose weights are kept, by run id.
        stops: the rules of early stopping by which reports will read runs, by run id.
        streamed: whether inputs come to the device batch by batch, as of `Cohort`.
        every: how often diagnostics are recorded, as of `Cohort`.
        checkpointing: how the state of training is written down, to go on from it; None for not at all.
        steps_done: of each run that a checkpoint should have; `progress` is told where it has others.
    """

    store: Store
    device: torch.device
    progress: Callable[[int], None]
    chosen: Mapping[str, Any] = field(default_factory=lambda: {"by": "default"})
    compiler: str | None = None
    deterministic: bool = False
    save: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    stops: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    streamed: bool = False
    every: int | None = None
    checkpointing: Checkpointing | None = None
    steps_done: int = 0


def train_and_store(runs: Sequence[RunSpec], how: TrainingSettings) -> tuple[Counter[str], int | None]:
    """Train runs as one cohort and append them to the store; in halves where memory is exhausted, or one's data fail.

    Args:
        runs: one lane each.
        how: to train them.

    Returns:
        How many runs came to each status; and the number of lanes that memory holds, None where it held all.
    """
    counts, holds = Counter[str](finished=0, diverged=0, failed=0), None
    waiting, chosen = [list(runs)], dict(how.chosen)
    while waiting:
        part = waiting.pop(0)
        half, exhausted = len(part) // 2, False
        if holds is None or len(part) <= holds:
            try:
                counts.update(_stored(part, how, chosen))
                continue
            except _HalvesError as lost:
                exhausted = lost.exhausted
            _free(how.device)  # here, where no traceback keeps what did not fit
        waiting[:0] = [part[:half], part[half:]]
        if exhausted:
            chosen.setdefault("out_of_memory_at", len(part))
            holds = len(part) - half
    return counts, holds


def _stored(runs: Sequence[RunSpec], how: TrainingSettings, chosen: Mapping[str, Any]) -> list[str]:
    """Train one cohort, store it, and return the status of each run.

    Raises:
        _HalvesError: it failed, and its halves may not.
    """
    checkpoint = None
    if how.checkpointing is not None:
        checkpoint = CohortCheckpoint(how.checkpointing, runs, how.device)
        how.progress((checkpoint.step - how.steps_done) * len(runs))
    try:
        with numerics(runs[0].cell.dtype, how.deterministic):
            records = _train(runs, how, chosen, checkpoint)
    except _HalvesError as lost:
        if checkpoint is not None and not lost.exhausted:  # its halves begin anew
            checkpoint.delete()
        raise
    how.store.append(records)
    statuses = [record.status for record in records]
    if checkpoint is not None and not ({*statuses} == {"failed"} and checkpoint.written):
        checkpoint.delete()  # unless it served until then
    return statuses


def _train(
    runs: Sequence[RunSpec],
    how: TrainingSettings,
    chosen: Mapping[str, Any],
    checkpoint: CohortCheckpoint | None,
) -> list[RunRecord]:
    """Save the weights of one cohort, and return its records.

    Raises:
        _HalvesError: it failed, and its halves may not.
    """
    begun, told, cohort, device = time.perf_counter(), 0, None, how.device

    def tell(steps: int) -> None:
        nonlocal told
        told += steps * len(runs)
        how.progress(steps * len(runs))

    try:
        meter = Meter(device)
        rules, reads = ([found.get(run.run_id, ()) for run in runs] for found in (how.save, how.stops))
        cohort = Cohort(runs, device, how.compiler, rules, how.streamed, reads, how.every)
        flops = step_flops(cohort)
        results = _trained(cohort, tell, meter, begun, checkpoint)
    except TRAINING_ERRORS as error:
        exhausted = is_out_of_memory(error)
        if len(runs) > 1 and (exhausted or cohort is None):
            how.progress(-told)
            raise _HalvesError(exhausted) from error
        message = _message(error, "out of memory with a single lane: " if exhausted else "")
        return [run_record(run, device, "failed", message) for run in runs]
    earlier_s = 0.0 if checkpoint is None else checkpoint.cost.get("wall_s", 0.0)
    cost = {
        **cohort_cost(cohort, meter, flops),
        "wall_s": (earlier_s + time.perf_counter() - begun) / len(runs),
    }
    cost |= {"width": dict(chosen), **how_trained(cohort, bool(how.compiler), checkpoint)}
    lanes = list(zip(runs, results, strict=True))
    records = [lane_record(run, device, result, cohort.phases, cost) for run, result in lanes]
    save_weights(how.store, zip(records, results, strict=True), how.save)
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
