"""Training on this machine: in this process, or in one worker process per core."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mtlrun.config import Configured
from mtlrun.errors import Fault
from mtlrun.execution.claims import Claims
from mtlrun.execution.scheduler import train_cohorts
from mtlrun.execution.worker_pool import GRACE_S, Pool, here, workers
from mtlrun.planning.cohorts import ProgramPlan, cut_programs
from mtlrun.planning.saving import Rule
from mtlrun.store.store import Store

MOST_PROCESSES = 4096

WORTH_WORKERS_S = 10.0
"""A study estimated shorter than this is trained in this process: a worker takes seconds to start."""

WORTH_COMPILING_S = 90.0
"""A program that keeps each process busy for less is not compiled: that takes 10 to 20 s, 5 s on later cohorts, and
saves a third of the time or more."""

WORTH_TIMING_S = 40.0
"""A program estimated shorter than this, on one process, is trained at the default width: timing takes 1 to 2 s."""


@dataclass
class Local(Configured):
    """Trains cohorts one after another in each of a number of processes.

    Args:
        processes: null for one per core where the study is long enough to pay for starting them.
        width: most lanes of a cohort; null to time some steps where the study is long enough to pay for that,
            and for 64 elsewhere.
        memory_mib: what a process may take, on the GPU where it trains on one; null for a safe part of what is
            free.
        compile: whether steps are compiled: `always`, `never`, or `auto` where that saves more time than it takes.
        deterministic: whether torch may use only kernels that give the same bits every time; slower on a GPU.
        data: `resident` keeps inputs on the device; `streamed` leaves them in memory or in a mapped file, and brings
            them batch by batch; `auto` streams those that would take more than half of the memory. Results are equal.
    """

    processes: int | None = None
    width: int | None = None
    memory_mib: int | None = None
    compile: Literal["auto", "always", "never"] = "auto"
    deterministic: bool = False
    data: Literal["auto", "resident", "streamed"] = "auto"

    def faults(self) -> Iterator[Fault]:
        for name in ("processes", "width", "memory_mib"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield Fault(name, "must be at least 1, or null", value)
        if self.processes is not None and self.processes > MOST_PROCESSES:
            yield Fault("processes", f"must be at most {MOST_PROCESSES:,}", self.processes)

    def process_count(self, estimate_s: float, device: str) -> int:
        """Return the number of processes for a study of that estimated length; one GPU takes one process."""
        if self.processes is not None:
            return self.processes
        return cores() if estimate_s > WORTH_WORKERS_S and device == "cpu" else 1

    def to_time(self, programs: Sequence[ProgramPlan]) -> list[ProgramPlan]:
        """Return the programs whose width is worth a timing, the longest first."""
        if self.width is not None:
            return []
        worth = [p for p in programs if p.run_steps * p.step_s > WORTH_TIMING_S and len(p.runs) > 1]
        return sorted(worth, key=lambda program: -program.run_steps * program.step_s)

    def to_compile(self, program: ProgramPlan, processes: int) -> bool:
        """Whether the steps of a program are to be compiled, by each process that trains it."""
        if self.compile != "auto":
            return self.compile == "always"
        return program.run_steps * program.step_s / processes > WORTH_COMPILING_S

    @property
    def always_compiles(self) -> bool | None:
        """Whether all steps are compiled; None where that depends on the program."""
        return None if self.compile == "auto" else self.compile == "always"

    def train(
        self,
        programs: Sequence[ProgramPlan],
        store: Store,
        device: str,
        processes: int,
        progress: Callable[[int], None],
        note: Callable[[str], None] = lambda text: None,
        save: Mapping[str, Sequence[Rule]] | None = None,
        stops: Mapping[str, Sequence[Rule]] | None = None,
        every: int | None = None,
        claims: Claims | None = None,
        checkpoint_s: float | None = None,
    ) -> Counter[str]:
        """Train all runs; each cohort is stored as it finishes. Returns the number of runs of each status.

        Args:
            programs: what to train; their widths are set to what was found by timing.
            store: gets a segment per cohort.
            device: `auto`, `cpu` or `cuda`.
            processes: as `process_count` says.
            progress: told of run-steps done.
            note: told of the widths that were timed, and of cohorts that were halved.
            save: how the checkpoints are chosen whose weights are kept, by run id.
            stops: the rules of early stopping by which reports will read runs, by run id.
            every: how often diagnostics are recorded, as of `Cohort`.
            claims: what of it this command may train, and what others do; where None, there are no others.
            checkpoint_s: seconds from one checkpoint of a cohort to the next; None for no checkpoints.

        Raises:
            WorkerError: no worker can be started; what was stored stays.
            Cancelled: somebody asked for it.
        """
        store.create()
        claims = claims or Claims(store, save)
        timed = self.to_time(programs)
        if not timed:
            processes = min(processes, len(cut_programs(programs, processes)))
        grace_s = 0.0 if checkpoint_s is None else GRACE_S
        with workers(processes, grace_s) if processes > 1 else here() as pool:
            if timed:
                others = [program for program in programs if program not in timed]
                _time(pool, timed, others, device, note, claims.check)
            settings: dict[str, Any] = {
                "store": str(store.path),
                "device": device,
                "deterministic": self.deterministic,
            }
            settings |= {"save": save or {}, "stops": stops or {}, "every": every}
            settings["checkpoint_s"] = checkpoint_s
            for program in programs:
                program.compiled = self.to_compile(program, processes)
            cohorts = cut_programs(programs, processes)
            return train_cohorts(pool, cohorts, settings, progress, note, claims)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _time(
    pool: Pool,
    programs: Sequence[ProgramPlan],
    others: Sequence[ProgramPlan],
    device: str,
    note: Callable[[str], None],
    check: Callable[[], None],
) -> None:
    """Set the width and the seconds of a run-step of some programs by timing real steps.

    By how much these seconds had been estimated too high or too low, those of the other programs were too: all are
    corrected, so that the longest cohorts do come first.
    """
    from mtlrun.training.width import WIDTHS, best_width

    tasks = (
        (
            place,
            {"configs": p.configs[: WIDTHS[-1]], "device": device, "time": p.fits, "streamed": p.streamed},
        )
        for place, p in enumerate(programs)
    )
    corrections = []
    for place, event in pool.run(lambda: next(tasks, None), lambda event: check()):
        rates = {int(lanes): rate for lanes, rate in event.get("rates", {}).items()}  # none of a lost task
        if rates:
            program, width = programs[place], best_width(rates)
            corrections.append(1 / rates[width] / program.step_s)
            program.width, program.step_s = width, 1 / rates[width]
            rounded = {str(lanes): round(rate, 1) for lanes, rate in rates.items()}
            program.chosen = {"by": "timing", "run_steps_per_s": rounded}
    for program in others if corrections else ():
        program.step_s *= statistics.median(corrections)
    widths = ", ".join(str(w) for w in sorted({program.width for program in programs}))
    note(f"widths by timing, of {len(programs)} programs: up to {widths} lanes")
