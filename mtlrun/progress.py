"""Live progress: a bar in a terminal and in a notebook, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import importlib.util
import time
from typing import Any, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from mtlrun.execution.batch import Batch, Watcher
from mtlrun.text.pluralize import pluralize
from mtlrun.text.printable import printable

LINE_S = 5.0  # a plain line is written this often


class _Rate(ProgressColumn):
    """Run-steps per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} run-steps/s" if speed else "", style="dim")


class _Lenient:
    """A stream whose reader may go away, or whose disk may be full: training goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Progress(Watcher):
    """Tells how many runs are trained, how fast, and how long it will take.

    Attributes:
        has_trained: whether anything was.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=cast("TextIO", _Lenient(stream)), soft_wrap=True)
        self._bar: Bar | None = None
        self.has_trained = False

    def note(self, text: str) -> None:
        """Print a remark."""
        self._console.print(printable(text), highlight=False, markup=False)

    def begin(self, batch: Batch) -> None:
        """Say what is trained and what is reused, and start."""
        self.has_trained = True
        new = sum(len(cohort.runs) for cohort in batch.cohorts)
        self._total = sum(cohort.run_steps for cohort in batch.cohorts)
        self._done, self._begun, self._told = 0, time.monotonic(), time.monotonic()
        self._first: tuple[float, int] | None = None
        reused = f", reusing {len(batch.reused):,}," if batch.reused else ""
        processes = pluralize(batch.processes, *batch.launcher.unit)
        where = f"in {pluralize(len(batch.cohorts), 'cohort')} on {processes}"
        self._console.print(f"training {pluralize(new, 'run')}{reused} {where}", highlight=False)
        if self._console.is_terminal or (self._console.is_jupyter and importlib.util.find_spec("ipywidgets")):
            columns = (TextColumn("{task.percentage:>3.0f} %"), BarColumn(), _Rate(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task("training", total=self._total)
            self._bar.start()

    def advance(self, run_steps: int) -> None:
        """Count run-steps that are done."""
        self._done += run_steps
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)
        elif time.monotonic() - self._told > LINE_S:
            self._told = time.monotonic()
            if self._first is None:  # workers have been starting until now: a rate would mislead
                self._first = (self._told, self._done)
                return
            since, already = self._first
            rate = (self._done - already) / (self._told - since)
            left = (self._total - self._done) / rate if rate else 0.0
            done = f"{100 * self._done / max(self._total, 1):3.0f} %"
            self._console.print(f"{done}, {rate:,.0f} run-steps/s, {left:,.0f} s left", highlight=False)

    def skip(self, run_steps: int) -> None:
        """Expect so many run-steps less: another command has done them."""
        self._total -= run_steps
        if self._bar is not None:
            self._bar.update(self._task, total=self._total)

    def end(self) -> None:
        """Say how long it took."""
        if self._bar is not None:
            self._bar.stop()
        took = time.monotonic() - self._begun
        self._console.print(f"{pluralize(max(self._done, 0), 'run-step')} in {took:,.1f} s", highlight=False)
