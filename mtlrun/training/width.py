"""How many lanes train fastest at the same time: a short timing of real steps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import islice

import torch

from mtlrun.planning.run_spec import RunSpec
from mtlrun.training.loop.cohort import Cohort

WIDTHS = (1, 4, 16, 64, 256)
WARM_STEPS = 2  # not timed: kernels are chosen, memory is taken
FEWEST_STEPS, MOST_STEPS = 3, 50
TIMED_S = 0.2  # at each width, where a step is shorter than a third of that
WORTH_MORE_LANES = 1.03
"""A wider cohort must be that much faster: it needs more memory, and leaves less to share out."""

_EXHAUSTED = ("can't allocate memory", "out of memory", "alloc_failed", "std::bad_alloc")


def time_widths(
    runs: Sequence[RunSpec], device: torch.device, most: int, streamed: bool = False
) -> dict[int, float]:
    """Return run-steps per second by number of lanes, from one lane up to where more of them no longer help.

    On a CPU, time is this process's CPU time, so that other work on the machine counts little.

    Args:
        runs: of one program; the first ones become lanes.
        device: where to train.
        most: lanes that fit into memory.
        streamed: as of `Cohort`.
    """
    rates: dict[int, float] = {}
    largest = min(most, len(runs), WIDTHS[-1])
    for width in (*(w for w in WIDTHS if w < largest), largest):
        try:
            rates[width] = _rate(runs[:width], device, streamed)
        except (MemoryError, RuntimeError) as error:
            if not rates or not is_out_of_memory(error):
                raise
            break
        if rates[width] < max(rates.values()):
            break
    return rates


def best_width(rates: Mapping[int, float]) -> int:
    """Return the fastest number of lanes; more lanes only where they are clearly faster."""
    best = min(rates)
    for width in sorted(rates):
        if rates[width] > WORTH_MORE_LANES * rates[best]:
            best = width
    return best


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is exhausted, on a CPU or a GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _EXHAUSTED)


def _rate(runs: Sequence[RunSpec], device: torch.device, streamed: bool) -> float:
    """Return the run-steps per second of a cohort in its first phase."""
    cohort = Cohort(runs, device, streamed=streamed)
    phase = cohort.phases[0]
    trainer, took, begun = cohort.begin(phase), list[float](), 0.0
    for step, batch in enumerate(islice(cohort.batches(phase, 0), WARM_STEPS + MOST_STEPS)):
        begun = _now(device)
        trainer.step(batch, step)
        took.append(_now(device) - begun)
        if len(took) >= WARM_STEPS + FEWEST_STEPS and sum(took[WARM_STEPS:]) > TIMED_S:
            break
    return len(runs) / max(statistics.median(took[WARM_STEPS:] or took), 1e-9)


def _now(device: torch.device) -> float:
    """Return seconds: of this process on a CPU, of the clock once a GPU has done its work."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()
