"""What every launcher does: times widths, cuts cohorts, and has a pool of its own kind train them."""

from __future__ import annotations

import statistics
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from mtlrun.config import Configured
from mtlrun.errors import Fault
from mtlrun.execution.coordination.claims import Claims
from mtlrun.execution.scheduler import Scheduler
from mtlrun.execution.train import pick_device
from mtlrun.execution.workers.task import Task
from mtlrun.execution.workers.worker_pool import GRACE_S, Pool
from mtlrun.planning.cohorts import ProgramPlan, cut_programs
from mtlrun.store.store import Store

WORTH_COMPILING_S = 90.0
"""A program that keeps each process busy for less is not compiled: that takes 10 to 20 s, 5 s on later cohorts, and
saves a third of the time or more."""

WORTH_TIMING_S = 40.0
"""A program estimated shorter than this, on one process, is trained at the default width: timing takes 1 to 2 s."""

Note = Callable[[str], None]


@dataclass
class Launcher(Configured, ABC):
    """Trains cohorts.

    Attributes:
        worth_timing_s: a program estimated shorter than this is trained at the default width.
        unit: what trains cohorts side by side, in singular and plural.
        width: most lanes of a cohort; null to time some steps where the study is long enough to pay for that,
            and for 64 elsewhere.
        memory_mib: what one process may take.
        compile: whether steps are compiled: `always`, `never`, or `auto` where that saves more time than it takes.
        deterministic: whether torch may use only kernels that give the same bits every time; slower on a GPU.
        data: `resident` keeps inputs on the device; `streamed` leaves them in memory or in a mapped file, and brings
            them batch by batch; `auto` streams those that would take more than half of the memory. Results are equal.
    """

    worth_timing_s: ClassVar[float] = WORTH_TIMING_S
    unit: ClassVar[tuple[str, str]] = ("process", "processes")

    width: int | None = field(default=None, kw_only=True)
    memory_mib: int | None = field(default=None, kw_only=True)
    compile: Literal["auto", "always", "never"] = field(default="auto", kw_only=True)
    deterministic: bool = field(default=False, kw_only=True)
    data: Literal["auto", "resident", "streamed"] = field(default="auto", kw_only=True)

    @abstractmethod
    def process_count(self, estimate_s: float, device: str) -> int:
        """Return how many cohorts of a study of that estimated length train at the same time.

        Args:
            estimate_s: of all cohorts, one after another.
            device: `cpu` or `cuda`.
        """

    @abstractmethod
    def memory(self, device: str) -> tuple[float, float]:
        """Return the memory of a process in MiB: what it may take where all work, and what it could take at most."""

    @abstractmethod
    def open_pool(
        self, processes: int, store: Store, note: Note, grace_s: float = 0.0
    ) -> AbstractContextManager[Pool]:
        """Return a pool that trains so many cohorts at the same time.

        Args:
            processes: as `process_count` says.
            store: that tasks are trained into.
            note: told of what a user should know of the pool.
            grace_s: how long tasks may take to write a checkpoint where training is broken off.
        """

    def faults(self) -> Iterator[Fault]:
        for name in ("width", "memory_mib"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield Fault(name, "must be at least 1, or null", value)

    def check_ready(self) -> None:
        """Raise ConfigError where what this launcher needs is not installed here; called before training."""

    def device_type(self, name: str) -> str:
        """Return the kind of device that `auto`, `cpu` or `cuda` means where training happens: `cpu` or `cuda`.

        Raises:
            ConfigError: there is no such device.
        """
        return pick_device(name).type

    def task_device(self, name: str) -> str:
        """Return the device that tasks name, for the one that was asked for."""
        return name

    def fitting(self, processes: int, needed_mib: float, device: str) -> int:
        """Return how many of some processes fit beside each other, each of which needs so much memory."""
        return processes

    @property
    def always_compiles(self) -> bool | None:
        """Whether all steps are compiled; None where that depends on the program."""
        return None if self.compile == "auto" else self.compile == "always"

    def to_time(self, programs: Sequence[ProgramPlan]) -> list[ProgramPlan]:
        """Return the programs whose width is worth a timing, the longest first."""
        if self.width is not None:
            return []
        long = [p for p in programs if p.run_steps * p.step_s > self.worth_timing_s and len(p.runs) > 1]
        return sorted(long, key=lambda program: -program.run_steps * program.step_s)

    def to_compile(self, program: ProgramPlan, processes: int) -> bool:
        """Whether the steps of a program are to be compiled, by each process that trains it."""
        if self.compile != "auto":
            return self.compile == "always"
        return program.run_steps * program.step_s / processes > WORTH_COMPILING_S

    def train(
        self,
        programs: Sequence[ProgramPlan],
        store: Store,
        task: Task,
        processes: int,
        progress: Callable[[int], None],
        note: Note = lambda text: None,
        claims: Claims | None = None,
    ) -> Counter[str]:
        """Train all runs; each cohort is stored as it finishes. Returns the number of runs of each status.

        Args:
            programs: what to train; their widths are set to what was found by timing.
            store: gets a segment per cohort.
            task: of each cohort, but for its runs and for what this launcher decides.
            processes: as `process_count` says.
            progress: told of run-steps done.
            note: told of the widths that were timed, and of cohorts that were halved.
            claims: what of it this command may train, and what others do; where None, there are no others.

        Raises:
            WorkerError: no worker can be started; what was stored stays.
            Cancelled: somebody asked for it.
        """
        store.create()
        task = replace(task, store=str(store.path), deterministic=self.deterministic)
        task = replace(task, device=self.task_device(task.device))
        claims = claims or Claims(store, task.save)
        timed = self.to_time(programs)
        if not timed:
            processes = min(processes, len(cut_programs(programs, processes)))
        grace_s = 0.0 if task.checkpoint_s is None else GRACE_S
        with self.open_pool(processes, store, note, grace_s) as pool:
            if timed:
                others = [program for program in programs if program not in timed]
                _time(pool, timed, others, task.device, note, claims.heartbeat.check)
            for program in programs:
                program.compiled = self.to_compile(program, processes)
            cohorts = cut_programs(programs, processes)
            return Scheduler(cohorts, task, progress, note, claims).train(pool)


def _time(
    pool: Pool,
    programs: Sequence[ProgramPlan],
    others: Sequence[ProgramPlan],
    device: str,
    note: Note,
    check: Callable[[], None],
) -> None:
    """Set the width and the seconds of a run-step of some programs by timing real steps.

    By how much these seconds had been estimated too high or too low, those of the other programs were too: all are
    corrected, so that the longest cohorts do come first.
    """
    from mtlrun.training.width import WIDTHS, best_width

    tasks = (
        (place, Task(p.runs[: WIDTHS[-1]], device, p.streamed, time=p.fits))
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
